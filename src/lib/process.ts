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
    cause instanceof Error && "signal" in cause && typeof cause.signal === "string" ? cause.signal : "an unknown cause";
  const said = stderr.trim().split("\n").slice(-5).join("\n");
  return new BangerError("TOOL_FAILED", {
    what: `${file} failed`,
    why: `${exit === undefined ? `ended by ${signal}` : `exit status ${exit}`}${said === "" ? "" : `: ${said}`}`,
    fix: `see why it failed by running it yourself: ${[file, ...args].join(" ")}`,
    cause,
  });
}
