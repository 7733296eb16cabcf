import { lstat } from "node:fs/promises";
import type { Stats } from "node:fs";
import { hasErrno } from "../lib/errors.ts";
import type { ByteString } from "../model/byte-string.ts";
import { GITLINK, type IndexEntry } from "./copy-index.ts";
import { foldersAbove, pathBelow } from "./git-paths.ts";
import { hostGit } from "./host-git.ts";
import type { Repository } from "./read-repository.ts";

/** Something of a work tree: a file, a symbolic link, or a folder that is a submodule's. */
export interface WorkFile {
  readonly path: ByteString;
  readonly stats: Stats;
  /** Object of git's that stands for its content, in place of what lies there. */
  readonly id?: string;
}

/** A work tree's files, with what a user is to be told of them. */
export interface WorkFiles {
  readonly files: readonly WorkFile[];
  /** Submodules that are filled. */
  readonly submodules: readonly ByteString[];
}

/** Submodules within submodules, so many deep. */
const MAX_DEPTH = 16;

/**
 * Finds what of a work tree is there: of the index's entries and of the paths besides. Files that go through a filter are told
 * with the object that git keeps of them; submodules with their tracked files.
 */
export async function listFiles(
  repository: Repository,
  entries: readonly IndexEntry[],
  filtered: ReadonlySet<ByteString>,
  besides: readonly ByteString[],
  signal: AbortSignal,
): Promise<WorkFiles> {
  const look = looker(repository.top);
  const files: WorkFile[] = [];
  const submodules: ByteString[] = [];
  const seen = new Set<ByteString>();
  const found = await lookAtAll(look, [...new Set([...entries.map(({ path }) => path), ...besides])]);
  for (const { path, mode, id, stage } of entries) {
    if (seen.has(path)) continue;
    seen.add(path);
    const stats = found.get(path);
    if (stats === undefined) continue;
    if (mode === GITLINK) {
      if (!stats.isDirectory()) continue;
      files.push({ path, stats });
      const inside = await submoduleFiles(repository.top, path, look, 0, signal);
      if (inside.length > 0) submodules.push(path);
      files.push(...inside);
    } else if (!stats.isDirectory()) {
      files.push({ path, stats, ...(filtered.has(path) && stage === 0 && !stats.isSymbolicLink() && { id }) });
    }
  }
  for (const path of besides) {
    const stats = seen.has(path) ? undefined : found.get(path);
    if (stats?.isFile() === true || stats?.isSymbolicLink() === true) files.push({ path, stats });
  }
  return { files, submodules };
}

/** Untracked files that are not ignored, and folders that are repositories of their own. */
export async function listUntracked(
  repository: Repository,
  index: string,
  signal: AbortSignal,
): Promise<{ readonly files: readonly ByteString[]; readonly repositories: readonly ByteString[] }> {
  const git = repository.git.at({ index });
  const found = await git.words(["ls-files", "-z", "--others", "--exclude-standard"], { signal });
  return {
    files: found.filter((path) => !path.endsWith("/")),
    repositories: found.filter((path) => path.endsWith("/")).map((path) => path.slice(0, -1)),
  };
}

/** Tracked files of a submodule that is filled, and of those in it. */
async function submoduleFiles(
  top: string,
  at: ByteString,
  look: Looker,
  depth: number,
  signal: AbortSignal,
): Promise<readonly WorkFile[]> {
  if (depth > MAX_DEPTH || (await look(`${at}/.git`)) === undefined) return [];
  const git = hostGit({ cwd: pathBelow(top, at).toString("utf8") });
  const words = await git.words(["ls-files", "-z", "--stage"], { signal });
  const files: WorkFile[] = [];
  for (const word of words) {
    const path = `${at}/${word.slice(word.indexOf("\t") + 1)}`;
    const stats = await look(path);
    if (stats === undefined) continue;
    if (word.startsWith(GITLINK)) files.push(...(await submoduleFiles(top, path, look, depth + 1, signal)));
    else if (!stats.isDirectory()) files.push({ path, stats });
  }
  return files;
}

/** Looks at many paths, some at once: each is a turn through the thread pool. */
async function lookAtAll(
  look: Looker,
  paths: readonly ByteString[],
): Promise<ReadonlyMap<ByteString, Stats | undefined>> {
  const found = new Map<ByteString, Stats | undefined>();
  for (let at = 0; at < paths.length; at += LOOKS_AT_ONCE) {
    const some = paths.slice(at, at + LOOKS_AT_ONCE);
    const stats = await Promise.all(some.map(look));
    for (const [n, path] of some.entries()) found.set(path, stats[n]);
  }
  return found;
}

const LOOKS_AT_ONCE = 64;

type Looker = (path: ByteString) => Promise<Stats | undefined>;

/** Looks at paths of a work tree; what lies behind a symbolic link is not in it, as git has it. */
export function looker(top: string): Looker {
  const folders = new Map<ByteString, boolean>();
  const at = async (path: ByteString): Promise<Stats | undefined> => {
    try {
      return await lstat(pathBelow(top, path));
    } catch (error) {
      if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return undefined;
      throw error;
    }
  };
  return async (path) => {
    for (const folder of foldersAbove(path)) {
      const known = folders.get(folder) ?? (await at(folder))?.isDirectory() === true;
      folders.set(folder, known);
      if (!known) return undefined;
    }
    return at(path);
  };
}
