import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { AgentClient } from "../../../guest/agent-client.ts";
import { BangerError, hasErrno } from "../../../lib/errors.ts";
import { followFile } from "../../../lib/follow-file.ts";
import { startOfLastLines, startOfLines } from "../../../lib/last-lines.ts";

export interface LogRequest {
  /** Go on with what comes. */
  readonly follow: boolean;
  /** So many of the last lines; all where it is absent. */
  readonly lines?: number | undefined;
}

/** What a console's log says; nothing where the VM never started. */
export async function* readConsoleLog(
  path: string,
  { follow, lines }: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const from = lines === undefined ? 0 : await offsetOf(path, lines);
  if (follow) return yield* followFile(path, signal, from);
  try {
    yield* createReadStream(path, { signal, start: from }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
  }
}

async function offsetOf(path: string, lines: number): Promise<number> {
  try {
    await using log = await open(path, "r");
    return await startOfLastLines(log, lines);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return 0;
    throw error;
  }
}

/**
 * What a VM's command has printed, as its agent keeps it.
 *
 * @throws BangerError `BAD_REQUEST` for the last lines and what follows: the agent does not say where one ends.
 */
export async function* readServiceLog(
  agent: AgentClient,
  { follow, lines }: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const text = agent.readServiceLog(follow, signal);
  if (lines === undefined) return yield* text;
  if (follow) {
    throw new BangerError("BAD_REQUEST", {
      what: "a service's log cannot be followed from its last lines on",
      fix: "leave out the number of lines, or do not follow it",
    });
  }
  // The agent keeps but a bounded part of it.
  const chunks: Uint8Array[] = [];
  for await (const chunk of text) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  yield whole.subarray(startOfLines(whole, lines));
}
