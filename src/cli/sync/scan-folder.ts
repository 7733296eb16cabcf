import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { hasErrno } from "../../lib/errors.ts";
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
 */
export async function scanFolder(top: string, rules: IgnoreRules, from = ""): Promise<LocalTree> {
  const tree: LocalTree = new Map();
  const look = async (path: string): Promise<void> => {
    const entry = await lookAt(join(top, path));
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

/** A tree changes while it is looked at. */
function unlessGone<T>(error: unknown, otherwise: T): T {
  if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return otherwise;
  throw error;
}
