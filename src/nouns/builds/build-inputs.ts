import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readFile, readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { BangerError } from "../../lib/errors.ts";
import { launch } from "../../lib/launch.ts";

const MAX_SCRIPT_BYTES = 4 * 1024 ** 2;
/** What is copied into a guest is read twice, and hashed: this many files are too many for a slip of the hand. */
const MAX_FILES = 1_000_000;

/** A file or folder of the host, and the name that it gets in the guest. */
export interface BuildCopy {
  readonly source: string;
  readonly target: string;
}

export interface BuildScript {
  readonly content: Buffer;
  /** `sha256:…` */
  readonly digest: string;
}

/** @throws BangerError `FILE_UNREADABLE`. */
export async function readScript(path: string): Promise<BuildScript> {
  try {
    const { size } = await stat(path);
    if (size > MAX_SCRIPT_BYTES) throw new Error(`it has ${size} bytes, and the limit is ${MAX_SCRIPT_BYTES}`);
    const content = await readFile(path);
    return { content, digest: `sha256:${createHash("sha256").update(content).digest("hex")}` };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/**
 * `sha256:…` over a file or a folder with all that is in it: names, kinds, modes and contents; not times and owners, which
 * do not matter to what is built. A path that is a link stands for what it leads to; links within a folder are links.
 *
 * @throws BangerError `FILE_UNREADABLE`.
 */
export async function digestTree(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const budget = { files: MAX_FILES };
  try {
    await addToHash(hash, await realpath(path), "", budget, signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof BangerError ? cause : unreadable(path, cause);
  }
  return `sha256:${hash.digest("hex")}`;
}

async function addToHash(
  hash: Hash,
  path: string,
  name: string,
  budget: { files: number },
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  budget.files -= 1;
  if (budget.files < 0) throw new Error(`it holds more than ${MAX_FILES} files`);
  const found = await lstat(path);
  const mode = (found.mode & 0o7777).toString(8);
  if (found.isSymbolicLink()) hash.update(`link\0${name}\0${await readlink(path)}\0`);
  else if (found.isDirectory()) {
    hash.update(`folder\0${name}\0${mode}\0`);
    for (const entry of (await readdir(path)).toSorted()) {
      await addToHash(hash, join(path, entry), `${name}/${entry}`, budget, signal);
    }
  } else if (found.isFile()) {
    hash.update(`file\0${name}\0${mode}\0${found.size}\0`);
    for await (const chunk of createReadStream(path, { signal })) hash.update(chunk as Buffer);
  } else throw new Error(`${path} is neither file, folder nor link`);
}

/**
 * A file or folder, or what a link leads to, as a tar archive, owned by root, by the host's own tar.
 *
 * @returns the archive, and what settles when tar has ended: it rejects with `TOOL_FAILED` or `TOOL_MISSING`.
 */
export async function packTree(path: string, signal: AbortSignal): Promise<{ archive: Readable; done: Promise<void> }> {
  const real = await realpath(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  const words = ["--owner=0", "--group=0", "--numeric-owner", "-C", dirname(real), "-cf", "-", "--", basename(real)];
  signal.throwIfAborted();
  const tar = await launch({ program: "tar", args: words, stdio: ["ignore", "pipe", "pipe"], session: "ours" });
  const [, packed, errors] = tar.stdio;
  if (!(packed instanceof Readable) || !(errors instanceof Readable)) throw new Error("tar has no pipes");
  let said = "";
  errors.on("data", (chunk: Buffer) => (said = (said + chunk.toString("utf8")).slice(-2000)));
  const stop = (): void => tar.kill();
  signal.addEventListener("abort", stop, { once: true });
  const done = (async (): Promise<void> => {
    const [{ exitCode }] = await Promise.all([tar.ended, finished(errors)]);
    signal.removeEventListener("abort", stop);
    signal.throwIfAborted();
    if (exitCode === 0) return;
    throw new BangerError("TOOL_FAILED", {
      what: `tar could not pack ${path}`,
      why: said.trim(),
      fix: "mend that, and try again",
    });
  })();
  done.catch(() => {});
  // Node throws away what a child has printed that ends before somebody reads it; not so from a stream of ours.
  return { archive: packed.pipe(new PassThrough()), done };
}

/** What else than the base decides what a build makes. */
export interface BuildKeyParts {
  readonly base: string;
  readonly agentDigest: string;
  readonly scriptDigest: string;
  readonly copies: readonly { readonly target: string; readonly digest: string }[];
  readonly env: Readonly<Record<string, string>>;
  readonly sizeBytes?: number | undefined;
}

/** `sha256:…` over everything that decides what a build makes: the same key, the same image. */
export function buildKey({ base, agentDigest, scriptDigest, copies, env, sizeBytes }: BuildKeyParts): string {
  const sorted = Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify(["banger build 1", base, agentDigest, scriptDigest, copies, sorted, sizeBytes ?? null]);
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

function unreadable(path: string, cause: unknown): BangerError {
  return new BangerError("FILE_UNREADABLE", {
    what: `cannot read ${path}`,
    ...(cause instanceof Error && { why: cause.message }),
    fix: "give a file or folder that the daemon's user may read",
    cause,
  });
}
