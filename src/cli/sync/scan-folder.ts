import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import type { IgnoreRules } from "./ignore-rules.ts";

/** Something below a folder of this host. */
export interface LocalEntry {
  readonly type: "file" | "directory" | "symlink";
  /** Permission bits. */
  readonly mode: number;
  readonly sizeBytes: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** What a symbolic link says. */
  readonly target?: string;
}

export type LocalTree = Map<string, LocalEntry>;

/**
 * Looks at all that stands below a folder, or at a part of it; sockets, devices and pipes are nothing to be copied.
 *
 * @param from below the top; empty: all of it.
 * @throws BangerError `FILE_UNREADABLE` where the top is no folder any more: that is not the same as an empty one.
 */
export async function scanFolder(top: string, rules: IgnoreRules, from = ""): Promise<LocalTree> {
  const tree: LocalTree = new Map();
  const look = async (path: string): Promise<void> => {
    const entry = await lookAt(join(top, path));
    if (path === "" && entry?.type !== "directory") throw topIsGone(top);
    if (entry === undefined || (path !== "" && rules.ignores(path, entry.type === "directory"))) return;
    if (path !== "") tree.set(path, entry);
    if (entry.type !== "directory") return;
    await rules.enter(top, path);
    const names = await readdir(join(top, path)).catch((error: unknown) => unlessGone(error, []));
    for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) await look(path === "" ? name : `${path}/${name}`);
  };
  await look(from);
  return tree;
}

async function lookAt(path: string): Promise<LocalEntry | undefined> {
  const found = await lstat(path).catch((error: unknown) => unlessGone(error, undefined));
  if (found === undefined) return undefined;
  const told = { mode: found.mode & 0o7777, sizeBytes: found.size, mtime: found.mtimeMs / 1000 };
  if (found.isFile()) return { type: "file", ...told };
  if (found.isDirectory()) return { type: "directory", ...told };
  if (!found.isSymbolicLink()) return undefined;
  const target = await readlink(path).catch((error: unknown) => unlessGone(error, undefined));
  return target === undefined ? undefined : { type: "symlink", ...told, target };
}

function topIsGone(top: string): BangerError {
  return new BangerError("FILE_UNREADABLE", {
    what: `${top} is no folder any more`,
    fix: "see what became of it; nothing was removed in the VM",
  });
}

/** A tree changes while it is looked at. */
function unlessGone<T>(error: unknown, otherwise: T): T {
  if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return otherwise;
  throw new BangerError("FILE_UNREADABLE", {
    what: "not all of the folder can be looked at",
    ...(error instanceof Error && { why: error.message }),
    fix: "leave that out by --exclude-from, or see who may read it",
    cause: error,
  });
}
