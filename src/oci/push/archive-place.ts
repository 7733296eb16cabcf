import type { Stats } from "node:fs";
import { lstat, open, realpath, stat } from "node:fs/promises";
import { removeFile } from "../../lib/destroy.ts";
import { asBangerError, BangerError, hasErrno } from "../../lib/errors.ts";
import { temporaryBeside } from "../../lib/files.ts";

/**
 * Where an archive that is to be at `path` is put by a rename: there, or where a link leads. Only nothing or a file may stand
 * there: a rename would put a file in place of a device or a FIFO, for whoever uses it next.
 *
 * @throws BangerError `FILE_UNREADABLE`.
 */
export async function archivePlace(path: string): Promise<string> {
  try {
    await lstat(path);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return path;
    throw unwritable(path, error) ?? asBangerError(error);
  }
  try {
    const place = await realpath(path);
    const found = await stat(place);
    if (!found.isFile()) throw occupied(path, kindOf(found));
    return place;
  } catch (error) {
    if (hasErrno(error, "ENOENT")) throw occupied(path, "a link that leads nowhere");
    throw unwritable(path, error) ?? asBangerError(error);
  }
}

/**
 * Tells whether a file can be written there, before the work that goes into it.
 *
 * @throws BangerError `FILE_UNREADABLE`.
 */
export async function checkWritable(path: string): Promise<void> {
  const temp = temporaryBeside(await archivePlace(path));
  try {
    await (await open(temp, "wx", 0o600)).close();
  } catch (error) {
    throw unwritable(path, error) ?? asBangerError(error);
  } finally {
    await removeFile(temp, "a temporary name of this process");
  }
}

/** What can be the matter with the place itself; undefined for any other error. */
export function unwritable(path: string, error: unknown): BangerError | undefined {
  const codes = ["ENOENT", "ENOTDIR", "EISDIR", "EACCES", "EPERM", "EROFS", "ENAMETOOLONG", "ELOOP"];
  if (error instanceof BangerError || !(error instanceof Error)) return undefined;
  return codes.some((code) => hasErrno(error, code)) ? refused(path, error.message, error) : undefined;
}

/** The place is another than when the archive was begun. */
export function moved(path: string): BangerError {
  return refused(path, "it has become a link, or the link leads elsewhere, while the archive was written");
}

function occupied(path: string, what: string): BangerError {
  return refused(path, `it is ${what}, and an archive takes the place of a file only`);
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return "a folder";
  if (found.isFIFO()) return "a FIFO";
  return found.isSocket() ? "a socket" : "a device";
}

function refused(path: string, why: string, cause?: unknown): BangerError {
  return new BangerError("FILE_UNREADABLE", {
    what: `${path} cannot be written`,
    why,
    fix: "name a file in a folder that is there, and that you may write to",
    cause,
  });
}
