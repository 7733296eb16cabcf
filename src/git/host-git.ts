import { once } from "node:events";
import type { ChildProcess } from "node:child_process";
import type { Writable } from "node:stream";
import { signalChild } from "../lib/destroy.ts";
import { BangerError } from "../lib/errors.ts";
import { findExecutable } from "../lib/find-executable.ts";
import { installHint } from "../lib/install-hint.ts";
import { spawnConfined } from "../lib/launch.ts";
import { toolMissing } from "../lib/process.ts";
import { gitEnvironment, type GitPlace } from "./git-environment.ts";
import { wordsOf } from "./git-paths.ts";

export type GitInput = Uint8Array | AsyncIterable<Uint8Array>;

export interface GitOptions {
  readonly signal: AbortSignal;
  readonly input?: GitInput;
  /** Most that it may print. */
  readonly maxBytes?: number;
  /** Statuses besides 0 that are answers and no failures. */
  readonly statuses?: readonly number[];
}

export interface GitAnswer {
  readonly status: number;
  readonly stdout: Buffer;
}

/** git on this host, in one place. All of it runs by the launcher, with none of anybody's settings but its place's. */
export interface HostGit {
  readonly place: GitPlace;
  /** @throws BangerError `GIT_FAILED` with its last words; `TOOL_MISSING`. */
  answer(args: readonly string[], options: GitOptions): Promise<GitAnswer>;
  /** What it prints. */
  run(args: readonly string[], options: GitOptions): Promise<Buffer>;
  /** What it prints, as text without the line's end. */
  text(args: readonly string[], options: GitOptions): Promise<string>;
  /** What it prints, as words that NUL ends. */
  words(args: readonly string[], options: GitOptions): Promise<readonly string[]>;
  /** What it prints, as it comes; whoever takes no more of it ends it. */
  stream(args: readonly string[], options: Omit<GitOptions, "maxBytes">): AsyncGenerator<Buffer>;
  /** The same in another place. */
  at(change: Partial<GitPlace>): HostGit;
}

const MAX_SAID = 4000;
const MAX_OUTPUT = 256 * 1024 ** 2;

/**
 * What a git may take that reads what a guest sent (prlimit(1)): memory, processor time, and the size of a file that it
 * writes. It dies of the first that it passes, and nothing else does.
 */
const BOUNDS = ["--as=3221225472", "--cpu=900", "--fsize=17179869184", "--core=0"] as const;

export function hostGit(place: GitPlace): HostGit {
  const git: HostGit = {
    place,
    at: (change) => hostGit({ ...place, ...change }),
    async answer(args, { maxBytes = MAX_OUTPUT, ...options }) {
      const running = await start(place, args, options);
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of running.stdout) {
        size += chunk.length;
        if (size > maxBytes) throw tooMuch(args, maxBytes);
        chunks.push(chunk);
      }
      return { status: await running.status(), stdout: Buffer.concat(chunks) };
    },
    run: async (args, options) => (await git.answer(args, options)).stdout,
    text: async (args, options) => (await git.run(args, options)).toString("utf8").replace(/\n$/, ""),
    words: async (args, options) => wordsOf(await git.run(args, options)),
    async *stream(args, options) {
      const running = await start(place, args, options);
      yield* running.stdout;
      await running.status();
    },
  };
  return git;
}

interface Running {
  /** Ends the child where it is given up. */
  readonly stdout: AsyncGenerator<Buffer>;
  /** Once it has printed all. */
  status(): Promise<number>;
}

async function start(
  place: GitPlace,
  args: readonly string[],
  { signal, input, statuses = [] }: Omit<GitOptions, "maxBytes">,
): Promise<Running> {
  signal.throwIfAborted();
  const [git, prlimit] = await Promise.all([findExecutable("git"), findExecutable("prlimit")]);
  if (git === undefined) throw toolMissing("git", installHint("git"));
  const child = spawnConfined({
    program: git,
    args,
    // Its pid becomes that of git itself.
    ...(prlimit !== undefined && { enter: [prlimit, ...BOUNDS, "--"] }),
    cwd: place.cwd,
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    env: gitEnvironment(place),
    session: "ours",
  });
  const ended = endOf(child);
  const said = wordsSaid(child);
  const fed = feed(child.stdin, input);
  const end = (): void => signalChild(child, "SIGKILL", "our own child, by its handle");
  signal.addEventListener("abort", end, { once: true });
  return {
    stdout: (async function* () {
      let isRead = false;
      try {
        yield* child.stdout as AsyncIterable<Buffer>;
        isRead = true;
      } finally {
        if (!isRead) end();
        await ended;
        signal.removeEventListener("abort", end);
      }
    })(),
    async status() {
      const status = await ended;
      const fault = await fed;
      signal.throwIfAborted();
      // What it reads came to no good end: that is why it failed.
      if (fault !== undefined) throw fault;
      if (status === 0 || statuses.includes(status)) return status;
      throw new BangerError("GIT_FAILED", {
        what: `git ${args[0] ?? ""} failed`,
        why: said() || `it ended with status ${status}`,
        fix: "see what it says of the repository; `git fsck` there may tell more",
        data: { status },
      });
    },
  };
}

/** @returns what the source of the input threw. */
async function feed(stdin: Writable | null, input: GitInput | undefined): Promise<Error | undefined> {
  if (stdin === null || input === undefined) return undefined;
  // It may end before it has read all: its status tells why.
  stdin.on("error", () => {});
  try {
    for await (const chunk of input instanceof Uint8Array ? [input] : input) {
      if (stdin.destroyed) return undefined;
      if (!stdin.write(chunk)) await Promise.race([once(stdin, "drain"), once(stdin, "close")]);
    }
    stdin.end();
    return undefined;
  } catch (error) {
    stdin.destroy();
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Its exit status; a signal, or that it could not be started, counts as one. */
async function endOf(child: ChildProcess): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  child.once("close", (status: number | null) => resolve(status ?? 255));
  child.once("error", () => resolve(255));
  return promise;
}

function wordsSaid(child: ChildProcess): () => string {
  let said = "";
  child.once("error", (error) => (said += error.message));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said = `${said}${text}`.slice(-MAX_SAID)));
  return () => said.trim();
}

function tooMuch(args: readonly string[], maxBytes: number): BangerError {
  return new BangerError("GIT_FAILED", {
    what: `git ${args[0] ?? ""} printed more than ${maxBytes} bytes`,
    fix: "take a smaller repository, or a part of it",
  });
}
