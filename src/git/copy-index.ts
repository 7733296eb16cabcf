import { constants } from "node:fs";
import { copyFile } from "node:fs/promises";
import { hasErrno } from "../lib/errors.ts";
import type { ByteString } from "../model/byte-string.ts";
import { asWords } from "./git-paths.ts";
import type { Repository } from "./read-repository.ts";

/** An entry of an index, as `git ls-files --stage` tells it. */
export interface IndexEntry {
  readonly mode: string;
  readonly id: string;
  /** 0; 1 to 3 where a merge left it open. */
  readonly stage: number;
  readonly path: ByteString;
}

/** Mode of a submodule's entry. */
export const GITLINK = "160000";

/**
 * Copies a repository's index to a file of ours, whole: one that is split, or keeps what belongs to this host alone, is
 * written anew. An absent index makes none, which git takes for an empty one.
 */
export async function copyIndex(repository: Repository, to: string, signal: AbortSignal): Promise<void> {
  try {
    await copyFile(repository.index, to, constants.COPYFILE_EXCL);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return;
    throw error;
  }
  const rewrite = ["--no-split-index", "--no-untracked-cache", "--no-fsmonitor", "--force-write-index"];
  await repository.git.at({ index: to }).run(["update-index", ...rewrite], { signal });
}

/** All entries of an index. */
export async function readIndex(
  repository: Repository,
  index: string,
  signal: AbortSignal,
): Promise<readonly IndexEntry[]> {
  const words = await repository.git.at({ index }).words(["ls-files", "-z", "--stage"], { signal });
  return words.map((word) => {
    const tab = word.indexOf("\t");
    const [mode = "", id = "", stage = "0"] = word.slice(0, tab).split(" ");
    return { mode, id, stage: Number(stage), path: word.slice(tab + 1) };
  });
}

/**
 * Which of these paths go through a filter (gitattributes(5)), as those of LFS do: what git keeps of them is not what lies in
 * the work tree.
 */
export async function filteredPaths(
  repository: Repository,
  index: string,
  paths: readonly ByteString[],
  signal: AbortSignal,
): Promise<ReadonlySet<ByteString>> {
  if (paths.length === 0) return new Set();
  const git = repository.git.at({ index });
  const said = await git.words(["check-attr", "-z", "--stdin", "filter"], { signal, input: asWords(paths) });
  const filtered = new Set<ByteString>();
  for (let at = 0; at + 2 < said.length; at += 3) {
    const [path = "", , value = ""] = said.slice(at, at + 3);
    if (value !== "unspecified" && value !== "unset") filtered.add(path);
  }
  return filtered;
}
