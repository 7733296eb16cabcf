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

/** How git treats paths, by their attributes (gitattributes(5)). */
export interface Treated {
  /** They go through a filter, as those of LFS do: what git keeps of them is not what lies in the work tree. */
  readonly filtered: ReadonlySet<ByteString>;
  /** Their line ends or their encoding may be others in the work tree than in git. */
  readonly converted: ReadonlySet<ByteString>;
}

const CONVERTING = ["text", "crlf", "eol", "ident", "working-tree-encoding"] as const;

export async function treatedPaths(
  repository: Repository,
  index: string,
  paths: readonly ByteString[],
  signal: AbortSignal,
): Promise<Treated> {
  const filtered = new Set<ByteString>();
  const converted = new Set<ByteString>();
  if (paths.length === 0) return { filtered, converted };
  const git = repository.git.at({ index });
  const args = ["check-attr", "-z", "--stdin", "filter", ...CONVERTING];
  const said = await git.words(args, { signal, input: asWords(paths) });
  for (let at = 0; at + 2 < said.length; at += 3) {
    const [path = "", attribute, value = ""] = said.slice(at, at + 3);
    if (value === "unspecified" || value === "unset") continue;
    (attribute === "filter" ? filtered : converted).add(path);
  }
  return { filtered, converted };
}

/**
 * Which files of a work tree have just the bytes that the index has for them, so that a checkout elsewhere makes the same
 * ones. Where settings let them differ, none is taken for one.
 */
export async function plainPaths(
  repository: Repository,
  index: string,
  { filtered, converted }: Treated,
  signal: AbortSignal,
): Promise<ReadonlySet<ByteString>> {
  const settings = new Map(repository.settings);
  const differs = [
    !["false", undefined].includes(settings.get("core.autocrlf")),
    settings.has("core.eol"),
    settings.get("core.filemode") === "false",
    settings.get("core.symlinks") === "false",
  ];
  if (differs.includes(true)) return new Set();
  const git = repository.git.at({ index });
  const changed = new Set(await git.words(["diff-files", "-z", "--name-only", "--ignore-submodules"], { signal }));
  const tagged = await git.words(["ls-files", "-z", "-v", "--stage"], { signal });
  const plain = tagged.flatMap((word): readonly ByteString[] => {
    // Others are assumed unchanged, skipped, or in a conflict; of submodules there is no file.
    const [, mode, path = ""] = /^H (\d+) [0-9a-f]+ 0\t([^]*)$/.exec(word) ?? [];
    return mode === undefined || mode === GITLINK || changed.has(path) ? [] : [path];
  });
  return new Set(plain.filter((path) => !filtered.has(path) && !converted.has(path)));
}
