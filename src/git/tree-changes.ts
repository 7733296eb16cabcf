import type { ByteString } from "../model/byte-string.ts";
import type { Extent } from "./check-trees.ts";
import type { HostGit } from "./host-git.ts";
import { refused } from "./refusals.ts";

/** What stands at a path of a tree. */
export interface TreeFile {
  readonly mode: string;
  readonly id: string;
}

/** A path at which two trees differ. */
export interface TreeChange {
  readonly path: ByteString;
  readonly before?: TreeFile;
  readonly after?: TreeFile;
}

/** More files than anybody looks through. */
const MAX_CHANGES = 200_000;
const ABSENT_MODE = "000000";

/** Every path at which two trees differ; nothing is taken for renamed. */
export async function treeChanges(
  git: HostGit,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<readonly TreeChange[]> {
  const words = await git.words(["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", from, to], {
    signal,
  });
  if (words.length / 2 > MAX_CHANGES) throw refused("too much is changed", `more than ${MAX_CHANGES} files`);
  return Array.from({ length: Math.floor(words.length / 2) }, (_none, at): TreeChange => {
    const [beforeMode = "", afterMode = "", beforeId = "", afterId = ""] = (words[at * 2] ?? "").slice(1).split(" ");
    return {
      path: words[at * 2 + 1] ?? "",
      ...(beforeMode !== ABSENT_MODE && { before: { mode: beforeMode, id: beforeId } }),
      ...(afterMode !== ABSENT_MODE && { after: { mode: afterMode, id: afterId } }),
    };
  });
}

/** What a tree of the user's own unfolds to. */
export async function extentOfTree(git: HostGit, tree: string, signal: AbortSignal): Promise<Extent> {
  const paths = await git.words(["ls-tree", "-r", "-t", "-z", "--name-only", tree], { signal });
  return {
    entries: paths.length,
    depth: paths.reduce((most, path) => Math.max(most, path.split("/").length), 1),
    pathBytes: paths.reduce((most, path) => Math.max(most, path.length), 1),
  };
}
