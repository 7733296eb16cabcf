import type { Stats } from "node:fs";
import { GITLINK } from "../../../../git/copy-index.ts";
import { foldersAbove } from "../../../../git/git-paths.ts";
import type { TreeChange, TreeFile } from "../../../../git/tree-changes.ts";
import { BangerError } from "../../../../lib/errors.ts";
import { displayName, type ByteString } from "../../../../model/byte-string.ts";

/** What becomes of one path of the work tree. */
export type Step =
  | { readonly path: ByteString; readonly does: "put"; readonly file: TreeFile }
  | { readonly path: ByteString; readonly does: "remove" }
  /** Both sides changed its content: what comes of it is to be worked out. */
  | {
      readonly path: ByteString;
      readonly does: "merge";
      readonly base: TreeFile;
      readonly ours: TreeFile;
      readonly theirs: TreeFile;
    };

export interface Conflict {
  readonly path: ByteString;
  readonly why: string;
}

/** The work tree as it is now, by what it has at a path. */
export interface Here {
  /** As git would keep it; undefined where nothing is there. */
  readonly file: (path: ByteString) => TreeFile | undefined;
  /** What lies there on the disk, links not followed; nothing below what is no folder. */
  readonly disk: (path: ByteString) => Stats | undefined;
  readonly isFiltered: (path: ByteString) => boolean;
}

const LINK = "120000";

/**
 * What is to be done so that a work tree gets these changes, as a plan; or what stands in their way, path by path. Pure.
 *
 * @param changes between what was sent and what is to come.
 */
export function planApply(
  changes: readonly TreeChange[],
  here: Here,
): { readonly steps: readonly Step[]; readonly conflicts: readonly Conflict[] } {
  const steps: Step[] = [];
  const conflicts: Conflict[] = [];
  const removed = new Set(changes.filter(({ after }) => after === undefined).map(({ path }) => path));
  for (const change of changes) {
    if (change.after?.mode === GITLINK || change.before?.mode === GITLINK) continue;
    const outcome = decide(change, here, removed);
    if (typeof outcome === "string") conflicts.push({ path: change.path, why: outcome });
    else if (outcome !== undefined) steps.push(outcome);
  }
  return { steps, conflicts };
}

/** A step; nothing where it is done already; or why neither. */
function decide(
  { path, before, after }: TreeChange,
  here: Here,
  removed: ReadonlySet<ByteString>,
): Step | string | undefined {
  const file = here.file(path);
  if (same(file, after) && (after !== undefined || here.disk(path) === undefined)) return undefined;
  if (here.isFiltered(path)) return "it goes through a filter, as with LFS: take it by a branch";
  const inTheWay = foldersAbove(path).find((folder) => {
    const stats = here.disk(folder);
    return stats !== undefined && !stats.isDirectory() && !removed.has(folder);
  });
  if (inTheWay !== undefined) return `${displayName(inTheWay)} is no folder here`;
  const disk = here.disk(path);
  if (disk?.isDirectory() === true && after === undefined) return undefined;
  if (disk !== undefined && !disk.isDirectory() && file === undefined) return "something else is here";
  if (after === undefined) return same(file, before) ? { path, does: "remove" } : "changed here, removed there";
  if (same(file, before)) return { path, does: "put", file: after };
  if (before === undefined) return "made here and there, and not the same";
  if (file === undefined) return "removed here, changed there";
  if ([before, file, after].some(({ mode }) => mode === LINK)) return "changed here and there";
  return { path, does: "merge", base: before, ours: file, theirs: after };
}

function same(a: TreeFile | undefined, b: TreeFile | undefined): boolean {
  return a?.id === b?.id && a?.mode === b?.mode;
}

/** Whether a symbolic link at a path leads out of the tree. */
export function leadsOutside(path: ByteString, target: ByteString): boolean {
  if (target.startsWith("/")) return true;
  let depth = path.split("/").length - 1;
  for (const part of target.split("/")) {
    if (part === "..") depth -= 1;
    else if (part !== "" && part !== ".") depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

/** Names every path, and what is wrong with it. */
export function conflictError(conflicts: readonly Conflict[]): BangerError {
  const told = conflicts.map(({ path, why }) => ({ path: displayName(path), why }));
  const lines = told.slice(0, 20).map(({ path, why }) => `${path}: ${why}`);
  const more = told.length > 20 ? [`and ${told.length - 20} more`] : [];
  return new BangerError("WORKSPACE_CONFLICT", {
    what: `${told.length === 1 ? "a file stands" : `${told.length} files stand`} in the way of what comes`,
    why: [...lines, ...more].join("; "),
    fix: "put these in order here or there, or take the work as a branch and merge it; nothing was changed",
    data: { conflicts: told.slice(0, 1000) },
  });
}
