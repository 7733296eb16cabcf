import { copyFile } from "node:fs/promises";
import { constants, existsSync } from "node:fs";
import type { ByteString } from "../model/byte-string.ts";
import { asWords } from "./git-paths.ts";
import type { IndexEntry } from "./copy-index.ts";
import { isObjectId, type Repository } from "./read-repository.ts";
import { BangerError } from "../lib/errors.ts";

export interface SnapshotRequest {
  /** A copy of the repository's index. */
  readonly index: string;
  /** A file of ours that is made, and the folder to which new objects go. */
  readonly scratch: string;
  readonly objects: string;
  /** Paths besides the tracked ones that count where they are there. */
  readonly besides: readonly ByteString[];
  /** Entries that stay as the index has them. */
  readonly kept: readonly IndexEntry[];
}

/**
 * Writes down a work tree as it is now as one tree of git's: every tracked file, staged or not. Its objects go to a folder of
 * ours; nothing of the repository changes.
 *
 * @returns the tree's id.
 */
export async function snapshot(
  repository: Repository,
  { index, scratch, objects, besides, kept }: SnapshotRequest,
  signal: AbortSignal,
): Promise<string> {
  if (existsSync(index)) await copyFile(index, scratch, constants.COPYFILE_EXCL);
  const git = repository.git.at({
    index: scratch,
    objects,
    alternates: [repository.objects],
    settings: [
      ...(repository.git.place.settings ?? []),
      ["core.safecrlf", "false"],
      ["advice.addEmbeddedRepo", "false"],
    ],
  });
  await git.run(["add", "-u"], { signal });
  if (besides.length > 0) {
    await git.run(["update-index", "--add", "--remove", "-z", "--stdin"], { signal, input: asWords(besides) });
  }
  const whole = kept.filter(({ stage }) => stage === 0);
  if (whole.length > 0) {
    const lines = whole.map(({ mode, id, path }) => `${mode} ${id} 0\t${path}`);
    await git.run(["update-index", "-z", "--index-info"], { signal, input: asWords(lines) });
  }
  const tree = await git.text(["write-tree", "--missing-ok"], { signal });
  if (isObjectId(tree)) return tree;
  throw new BangerError("GIT_FAILED", { what: "git write-tree told of no tree", why: tree, fix: "check git here" });
}
