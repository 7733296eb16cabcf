import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { basename, join } from "node:path";
import { childEnvironment } from "./child-environment.ts";
import { signalChild } from "./destroy.ts";
import { BangerError, hasErrno } from "./errors.ts";
import { findExecutable } from "./find-executable.ts";
import { toolMissing } from "./process.ts";

const SETPRIV = "setpriv";

/**
 * A child that lives long, or that reads what is hostile. All that it gets of us is said here: it gains no privileges, and has
 * no descriptor, no variable and no namespace besides.
 */
export interface LaunchRequest {
  readonly program: string;
  readonly args: readonly string[];
  /** Words before it by which it starts inside namespaces, as in `nsenter … --`. They exec it: its pid is theirs. */
  readonly enter?: readonly string[];
  /** Where it works; our own folder where absent. */
  readonly cwd?: string;
  /** By number of the descriptor; it gets no others. */
  readonly stdio: readonly ("ignore" | "pipe" | "ipc" | number)[];
  /** Variables beside those that {@link childEnvironment} leaves it. */
  readonly env?: Readonly<Record<string, string>>;
  /** `own`: it outlives us, and hears no signal of our terminal. */
  readonly session: "own" | "ours";
}

/** How a process came to its end (wait(2)): one of the two is there, or none where it was no child of ours. */
export interface ChildEnd {
  readonly exitCode?: number | undefined;
  readonly signal?: NodeJS.Signals | undefined;
}

export interface LaunchedChild {
  readonly pid: number;
  /** Our ends of its pipes. */
  readonly stdio: ChildProcess["stdio"];
  /** Settles when the process is gone and reaped; never rejects. */
  readonly ended: Promise<ChildEnd>;
  /** Ends it at once. */
  kill(): void;
  /** Stops keeping this process of ours alive for its sake. */
  release(): void;
}

/**
 * Starts a child that may gain no privileges by what it executes, and is told of our environment only what it needs.
 *
 * @throws BangerError `TOOL_MISSING` where the program, or what enters its namespaces, is not there; `TOOL_FAILED` where the
 *         first word cannot be executed. What fails later is told by the child's end and words: see {@link failedBefore}.
 */
export async function launch(request: LaunchRequest): Promise<LaunchedChild> {
  // Else one of the words before it would say so.
  if ((await findExecutable(request.program, childEnvironment(request.env)["PATH"])) === undefined)
    throw toolMissing(request.program, undefined);
  const child = spawnConfined(request);
  const ended = once(child, "exit").then(([exitCode, signal]: unknown[]): ChildEnd => ({
    exitCode: typeof exitCode === "number" ? exitCode : undefined,
    signal: typeof signal === "string" ? (signal as NodeJS.Signals) : undefined,
  }));
  const { pid } = child;
  if (pid === undefined) {
    throw await ended.then(
      () => undefined,
      (cause: unknown) => notStarted(child.spawnfile, cause),
    );
  }
  return {
    pid,
    stdio: child.stdio,
    ended,
    kill: () => signalChild(child, "SIGKILL", "our own child, by its handle"),
    release: () => child.unref(),
  };
}

/** The same child as node:child_process has it, for who talks with it; whether it could be started is its events' to tell. */
export function spawnConfined(request: LaunchRequest): ChildProcess {
  const env = childEnvironment(request.env);
  const [file = request.program, ...args] = launchWords(request, findSetpriv(env["PATH"]));
  return spawn(file, args, {
    ...(request.cwd !== undefined && { cwd: request.cwd }),
    detached: request.session === "own",
    stdio: [...request.stdio],
    env,
  });
}

/**
 * All words of a launch, each of which executes the next. Pure.
 *
 * @param setpriv where setpriv(1) is; the child is on its own where there is none. QEMU and Firecracker set no_new_privs
 *        themselves, once they have set up their machine.
 */
export function launchWords(
  { program, args, enter = [] }: Pick<LaunchRequest, "program" | "args" | "enter">,
  setpriv: string | undefined,
): readonly string[] {
  const confine = setpriv === undefined ? [] : [setpriv, "--no-new-privs", "--"];
  return [...enter, ...confine, program, ...args];
}

/** The system's own folders count too: a daemon may have been started with a short PATH. */
function findSetpriv(searchPath = ""): string | undefined {
  const folders = [...searchPath.split(":"), "/usr/bin", "/bin"].filter((folder) => folder.startsWith("/"));
  return folders.map((folder) => join(folder, SETPRIV)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * What kept a child from being started at all, as one of the words before its program says; undefined when they came to the
 * program itself, whose own words these are then.
 *
 * @param said what came on its standard error.
 */
export function failedBefore(
  said: string,
  { program, enter = [] }: Pick<LaunchRequest, "program" | "enter">,
): BangerError | undefined {
  const [entering = ""] = enter;
  const notEntered = lineOf(said, entering);
  if (notEntered !== undefined) {
    return new BangerError("NETWORK_FAILED", {
      what: "the network namespace of the VM could not be entered",
      why: notEntered,
      fix: "start the VM again; if that does not help, run `banger doctor`",
      data: { tool: basename(entering) },
    });
  }
  const notConfined = lineOf(said, SETPRIV);
  if (notConfined === undefined) return undefined;
  return new BangerError("TOOL_FAILED", {
    what: `${basename(program)} could not be started`,
    why: notConfined,
    fix: `see whether \`${SETPRIV} --no-new-privs -- ${program} --version\` runs`,
    data: { tool: SETPRIV },
  });
}

/** The first line that a tool of util-linux says for itself: `nsenter: cannot open …`. */
function lineOf(said: string, tool: string): string | undefined {
  return tool === ""
    ? undefined
    : said
        .split("\n")
        .find((line) => line.startsWith(`${basename(tool)}: `))
        ?.trim();
}

function notStarted(file: string, cause: unknown): BangerError {
  if (hasErrno(cause, "ENOENT")) return toolMissing(file, undefined, cause);
  return new BangerError("TOOL_FAILED", {
    what: `${file} could not be started`,
    ...(cause instanceof Error && { why: cause.message }),
    fix: "run `banger doctor`",
    cause,
  });
}
