import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { build } from "esbuild";
import { type FakeHandlers, fakeDaemon } from "../../client/testing/fake-daemon.ts";

const ROOT = join(import.meta.dirname, "../../..");

/**
 * `banger` of this tree as one file: a start of it takes a third of what two hundred modules take whose types are to be
 * stripped, and these tests start it a hundred times. test/e2e has the program as it is built.
 */
export const MAIN = await bundle(join(ROOT, "build/test/banger.mjs"));

async function bundle(path: string): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["src/cli/main.ts"],
    bundle: true,
    // It asks for Node's own modules in a way that a bundle of ES modules has not.
    external: ["ws"],
    format: "esm",
    platform: "node",
    target: "node24",
    write: false,
    logLevel: "warning",
  });
  await mkdir(dirname(path), { recursive: true });
  // Other test files make the same at the same time: each puts its own whole into the place.
  const own = `${path}.${process.pid}`;
  await writeFile(own, outputFiles[0]?.contents ?? "");
  await rename(own, path);
  return path;
}

export type CliChild = ChildProcessByStdio<Writable, Readable, Readable>;

export interface CliResult {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** An empty home, in which `banger` runs as a process of its own. */
export interface CliHome extends AsyncDisposable {
  readonly env: NodeJS.ProcessEnv;
  readonly folder: string;
  start(...words: string[]): CliChild;
  run(...words: string[]): Promise<CliResult>;
}

/** @param handlers of a fake daemon that listens where banger looks; none listens when absent. */
export async function cliHome(handlers?: FakeHandlers): Promise<CliHome> {
  const folder = await mkdtemp(join(tmpdir(), "banger-cli-"));
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const env: NodeJS.ProcessEnv = {
    PATH,
    HOME: folder,
    XDG_RUNTIME_DIR: join(folder, "run"),
    // What is kept compiled for the tests is so for the many processes that they start.
    ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }),
  };
  const sockets = join(folder, ".local/state/banger/run");
  await mkdir(sockets, { recursive: true });
  const daemon = handlers === undefined ? undefined : await fakeDaemon(handlers);
  if (daemon !== undefined) await symlink(daemon.socketPath, join(sockets, "bangerd.sock"));
  const start = (...words: string[]): CliChild =>
    spawn(process.execPath, [MAIN, ...words], { env, cwd: folder, stdio: ["pipe", "pipe", "pipe"] });
  return {
    env,
    folder,
    start,
    async run(...words) {
      const child = start(...words);
      child.stdin.end();
      return resultOf(child);
    },
    async [Symbol.asyncDispose]() {
      await daemon?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

/** Waits for a process to end and gathers what it wrote. */
export async function resultOf(child: CliChild): Promise<CliResult> {
  const [stdout, stderr, [status]] = await Promise.all([
    buffer(child.stdout),
    buffer(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { status, stdout, stderr: stderr.toString("utf8") };
}
