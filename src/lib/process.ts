import { readFile } from "node:fs/promises";
import { execa } from "execa";
import { BangerError, hasErrno, isAbort } from "./errors.ts";

/** Time between SIGTERM and SIGKILL. */
const GRACE_MS = 2_000;

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** How a user gets the tool when it is not installed: a command. */
  readonly install?: string;
  readonly timeoutMs?: number;
  /** Bound on what is kept of stdout and of stderr, each. */
  readonly maxOutputBytes?: number;
  /** Told each line of stderr as it comes. */
  readonly onStderrLine?: (line: string) => void;
  /** Time between SIGTERM and SIGKILL when it is aborted, for tools that have much to clean up. */
  readonly graceMs?: number;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a tool to its end, without a shell. Aborting the signal sends SIGTERM, then SIGKILL.
 *
 * @throws BangerError `TOOL_MISSING` if it is not installed, `TOOL_FAILED` (with the end of its stderr) if it
 *         exits with anything but 0; an abort rejects with the signal's reason.
 */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  options.signal?.throwIfAborted();
  try {
    const result = await execa(file, args, {
      stdin: options.input === undefined ? "ignore" : "pipe",
      forceKillAfterDelay: options.graceMs ?? GRACE_MS,
      maxBuffer: options.maxOutputBytes ?? 4 * 1024 ** 2,
      stripFinalNewline: false,
      ...(options.signal && { cancelSignal: options.signal }),
      ...(options.onStderrLine && { stderr: tellingLines(options.onStderrLine) }),
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.env && { env: options.env }),
      ...(options.input !== undefined && { input: options.input }),
      ...(options.timeoutMs !== undefined && { timeout: options.timeoutMs }),
    });
    return { stdout: result.stdout, stderr: result.stderr };
  } catch (error) {
    if (isAbort(error) || options.signal?.aborted === true) throw options.signal?.reason ?? error;
    if (hasErrno(error, "ENOENT")) throw toolMissing(file, options.install, error);
    throw toolFailed(file, args, error);
  }
}

/** A stage of execa that passes lines on and tells of each. */
function tellingLines(tell: (line: string) => void) {
  return function* (line: unknown): Generator<string> {
    tell(String(line));
    yield String(line);
  };
}

export function toolMissing(file: string, install: string | undefined, cause?: unknown): BangerError {
  return new BangerError("TOOL_MISSING", {
    what: `${file} is not installed`,
    fix: install ?? `install ${file}, then run \`banger doctor\``,
    cause,
    data: { tool: file },
  });
}

function toolFailed(file: string, args: readonly string[], cause: unknown): BangerError {
  const stderr = cause instanceof Error && "stderr" in cause && typeof cause.stderr === "string" ? cause.stderr : "";
  const exit =
    cause instanceof Error && "exitCode" in cause && typeof cause.exitCode === "number" ? cause.exitCode : undefined;
  const signal =
    cause instanceof Error && "signal" in cause && typeof cause.signal === "string"
      ? cause.signal
      : "nobody knows what";
  const said = stderr.trim().split("\n").slice(-5).join("\n");
  return new BangerError("TOOL_FAILED", {
    what: `${file} failed`,
    why: `${exit === undefined ? `ended by ${signal}` : `exit status ${exit}`}${said === "" ? "" : `: ${said}`}`,
    fix: `see why it failed by running it yourself: ${[file, ...args].join(" ")}`,
    cause,
  });
}

/** A process as one can recognise it again: pids are recycled, a pid with its start time in one boot of the host is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks from boot to the process's start (proc(5)). */
  readonly startTicks: number;
  /** Which boot that was (random(4)); absent in records of older bangers, and then not compared. */
  readonly bootId?: string | undefined;
}

/** It changes with the kernel that we run on, and so never while we do. */
let bootId: Promise<string> | undefined;

function currentBoot(): Promise<string> {
  bootId ??= readFile("/proc/sys/kernel/random/boot_id", "latin1").then((text) => text.trim());
  return bootId;
}

/** Who has this pid now; undefined when nobody has, or only a zombie is left. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    if (hasErrno(error, "ENOENT") || hasErrno(error, "ESRCH")) return undefined;
    throw error;
  }
  // The command's name (field 2) may hold spaces and brackets: count from the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  return { pid, startTicks: Number(fields[19]), bootId: await currentBoot() };
}

/** Whether this very process still lives. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identifyProcess(identity.pid);
  return (
    now !== undefined &&
    now.startTicks === identity.startTicks &&
    (identity.bootId === undefined || now.bootId === identity.bootId)
  );
}
