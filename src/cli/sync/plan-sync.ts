import type { GuestFile } from "../../model/guest-file.ts";
import type { LocalEntry, LocalTree } from "./scan-folder.ts";

export type GuestEntry = Pick<GuestFile, "path" | "type" | "mode" | "sizeBytes" | "mtime" | "target">;

export interface SyncPlan {
  /** Paths in the guest that go first, each with all that is in it. */
  readonly remove: readonly string[];
  /** Paths that are sent, folders before what is in them. */
  readonly send: readonly string[];
}

/**
 * What makes a guest's folder as one of this host is. Pure.
 *
 * @param deletes what is there alone; what `isIgnored` stays, and the folders that it lies in.
 */
export function planSync(
  local: LocalTree,
  guest: readonly GuestEntry[],
  deletes: boolean,
  isIgnored: (path: string, isFolder: boolean) => boolean,
): SyncPlan {
  const there = new Map(guest.map((entry) => [entry.path, entry]));
  const inTheWay = new Set(
    guest.filter((theirs) => standsInTheWay(local.get(theirs.path), theirs)).map(({ path }) => path),
  );
  const goes = (path: string): boolean => deletes || foldersAbove(path).some((folder) => inTheWay.has(folder));
  const remove = new Set<string>();
  const stays = new Set<string>();
  // What is in a folder comes before it.
  for (const { path, type } of guest.toSorted((a, b) => (a.path < b.path ? 1 : -1))) {
    const isKept = local.has(path) ? !inTheWay.has(path) : isIgnored(path, type === "directory") || !goes(path);
    if (isKept || stays.has(path)) {
      const above = path.lastIndexOf("/");
      if (above !== -1) stays.add(path.slice(0, above));
    } else remove.add(path);
  }
  return {
    remove: [...remove].filter((path) => !foldersAbove(path).some((folder) => remove.has(folder))).toSorted(),
    send: [...local].filter(([path, ours]) => differs(ours, there.get(path))).map(([path]) => path),
  };
}

/** A folder gives no way to anything else, and nothing to a folder. */
function standsInTheWay(ours: LocalEntry | undefined, theirs: GuestEntry): boolean {
  if (ours === undefined || ours.type === theirs.type) return false;
  return ours.type === "directory" || theirs.type === "directory";
}

/** By size and time, as rsync does; an archive holds whole seconds. */
function differs(ours: LocalEntry, theirs: GuestEntry | undefined): boolean {
  if (theirs === undefined || ours.type !== theirs.type) return true;
  if (ours.type === "symlink") return ours.target !== theirs.target;
  if (ours.mode !== theirs.mode) return true;
  if (ours.type === "directory") return false;
  return ours.sizeBytes !== theirs.sizeBytes || Math.floor(ours.mtime) !== Math.floor(theirs.mtime);
}

function foldersAbove(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}
