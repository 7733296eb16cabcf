import { type ChildProcess, spawn } from "node:child_process";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { withDeadline } from "../lib/deadline.ts";
import { BangerError } from "../lib/errors.ts";
import { ensurePrivateDirectory } from "../lib/private-directory.ts";
import { recordedSocket } from "../lib/holder-record.ts";
import type { Layout } from "../model/layout.ts";
import { reachHolder } from "./daemon-holder.ts";
import { errorFromWire, isRecord } from "./daemon-errors.ts";
import { parseJson } from "./answers.ts";
import { textLines } from "./text-lines.ts";

/** Recovery of many VMs comes before readiness, so this is generous. */
const START_TIMEOUT_MS = 60_000;

/** The descriptor on which a new daemon writes one line of JSON: how its start went. */
const READY_FD = 3;
const MAX_READY_BYTES = 64 * 1024;

/** How much of the daemon's log stands in the error when it dies without a word. */
const LOG_TAIL_BYTES = 2_048;

/** How bangerd is run: an executable, or Node with its main module. */
export interface DaemonProgram {
  readonly file: string;
  readonly args: readonly string[];
}

/**
 * Starts a daemon that outlives us, and resolves when one accepts connections: the one we started, or, where another
 * was quicker and holds the lock, that one. Gives its socket.
 *
 * @throws BangerError `DAEMON_START_FAILED` with the end of its log, what the daemon itself told (`CONFIG_INVALID`),
 *         or `TIMED_OUT`.
 */
export async function startDaemon(layout: Layout, program: DaemonProgram, signal: AbortSignal): Promise<string> {
  await ensurePrivateDirectory(dirname(layout.daemonLog));
  await using log = await open(layout.daemonLog, "a+", 0o600);
  const { size: logStart } = await log.stat();
  return await withDeadline(signal, START_TIMEOUT_MS, "bangerd to become ready", async (limit) => {
    const child = spawnDaemon(program, log.fd);
    try {
      const said = await firstWord(child, limit);
      if (said === undefined) throw await diedSilently(layout, log, logStart);
      if ("error" in said) throw errorFromWire(said["error"]);
      // The holder may be on its way up as well.
      if ("holder" in said) return await reachHolder(layout, limit);
      return recordedSocket(layout.lockFile) ?? layout.socket;
    } finally {
      child.stdio[READY_FD]?.destroy();
      child.unref();
    }
  });
}

function spawnDaemon(program: DaemonProgram, logFd: number): ChildProcess {
  return spawn(program.file, program.args, {
    detached: true,
    cwd: "/",
    env: { ...process.env, BANGER_READY_FD: String(READY_FD) },
    stdio: ["ignore", logFd, logFd, "pipe"],
  });
}

/** The line on the ready descriptor; undefined when the process ended without one. */
async function firstWord(
  child: ChildProcess,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const pipe = child.stdio[READY_FD] as Readable;
  const { promise: failed, reject } = Promise.withResolvers<never>();
  child.once("error", (error) => reject(cannotRun(error)));
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([failed, firstObject(pipe)]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function firstObject(pipe: Readable): Promise<Readonly<Record<string, unknown>> | undefined> {
  for await (const line of textLines(pipe, MAX_READY_BYTES)) {
    const word = parseJson(line);
    return isRecord(word) ? word : undefined;
  }
  return undefined;
}

async function diedSilently(layout: Layout, log: FileHandle, logStart: number): Promise<BangerError> {
  const { size } = await log.stat();
  const from = Math.max(logStart, size - LOG_TAIL_BYTES);
  const { buffer, bytesRead } = await log.read(Buffer.alloc(Math.max(size - from, 1)), 0, size - from, from);
  const tail = buffer.toString("utf8", 0, bytesRead).trim();
  return new BangerError("DAEMON_START_FAILED", {
    what: "bangerd ended while it started",
    why: tail === "" ? "it wrote nothing to its log" : `the end of its log is\n${tail}`,
    fix: `see ${layout.daemonLog}, and run \`banger doctor\``,
  });
}

function cannotRun(error: Error): BangerError {
  return new BangerError("DAEMON_START_FAILED", {
    what: "bangerd could not be run",
    why: error.message,
    fix: "build or install banger again, so that bangerd lies beside banger",
    cause: error,
  });
}
