import type { Readable } from "node:stream";
import { setTimeout as after } from "node:timers/promises";
import type { AgentClient } from "../../../guest/agent-client.ts";
import { withDeadline } from "../../../lib/deadline.ts";
import { asBangerError, BangerError } from "../../../lib/errors.ts";
import type { Vm } from "../../../model/vm.ts";
import type { planExec } from "../commands/exec-plan.ts";

/** Between two questions, where the guest does not tell when there is an answer. */
export const AGAIN_MS = 1_000;
/** Most that is kept of what a command prints. */
const MAX_OUTPUT_BYTES = 4_096;

/** Runs a command in a guest, as root unless told otherwise. @param maxBytes most that is kept of what it prints. */
export async function runCheck(
  agent: AgentClient,
  argv: readonly string[],
  signal: AbortSignal,
  { env, cwd, user }: Pick<ReturnType<typeof planExec>, "env" | "cwd" | "user"> = { env: {}, cwd: "/", user: "" },
  maxBytes = MAX_OUTPUT_BYTES,
): Promise<{ readonly code: number; readonly output: string }> {
  const exec = await agent.exec({ argv, env, cwd, user }, { signal });
  exec.stdin.end();
  const [printed, complained, exit] = await Promise.all([
    beginning(exec.stdout, maxBytes),
    beginning(exec.stderr, maxBytes),
    exec.exit,
  ]);
  return { code: exit.code, output: (printed.trim() === "" ? complained : printed).trim() };
}

/** A command that is run again and again, until it says what is waited for. */
export interface Attempts {
  readonly argv: readonly string[];
  readonly spec?: Parameters<typeof runCheck>[3];
  /** How long one run may take; one that hangs is no answer. */
  readonly timeoutMs: number;
  readonly pauseMs: number;
  /** What a run is called where one took too long. */
  readonly what: string;
}

/**
 * Runs a command in a guest until it ends with status 0.
 *
 * @param say is told how each run failed: by its status, or since it took too long or could not be run.
 * @throws what the agent throws, and the signal's reason.
 */
export async function awaitSuccess(
  agent: AgentClient,
  { argv, spec, timeoutMs, pauseMs, what }: Attempts,
  say: (said: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      const { code, output } = await withDeadline(signal, timeoutMs, what, (within) =>
        runCheck(agent, argv, within, spec),
      );
      if (code === 0) return;
      say(output === "" ? `status ${code}, and no word` : `status ${code}: ${output}`);
    } catch (error) {
      signal.throwIfAborted();
      const known = asBangerError(error);
      if (known.code !== "TIMED_OUT" && known.code !== "EXEC_FAILED") throw error;
      say(known.message);
    }
    await after(pauseMs, undefined, { signal });
  }
}

/** What comes first; the rest is read and let go. */
async function beginning(stream: Readable, maxBytes: number): Promise<string> {
  const kept: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (bytes < maxBytes) kept.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(kept).toString("utf8", 0, maxBytes);
}

/** What is thrown when a wait has run out of time; any other error as it is. `look` is a command for the guest. */
export function notReady(error: unknown, signal: AbortSignal, vm: Vm, why: string, look: string): BangerError {
  const known = asBangerError(error);
  if (signal.aborted || known.code !== "TIMED_OUT") return known;
  return new BangerError("VM_NOT_READY", {
    what: `VM ${vm.name} runs, and is not as ready as was asked for: ${known.message}`,
    why,
    fix: `see \`banger vm exec ${vm.name} -- ${look}\`; a slow host may need a longer vm.start_timeout`,
    cause: error,
  });
}

/** The same for who made a VM, which is not kept when it does not come to be ready; any other error as it is. */
export function notReadyAndGone(error: BangerError, { name }: Pick<Vm, "name">): BangerError {
  const { code, why, data } = error;
  if (code !== "VM_NOT_READY") return error;
  return new BangerError(code, {
    what: `VM ${name} was not as ready in time as was asked for, and is removed again`,
    ...(why !== undefined && { why }),
    fix: `to look into it, make it without starting it, and start it then: that leaves it running; a slow host may need a longer vm.start_timeout`,
    data,
    cause: error,
  });
}
