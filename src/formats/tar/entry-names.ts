import type { ByteString } from "../../model/byte-string.ts";
import { formatInvalid, formatLimit } from "../format-error.ts";

/** PATH_MAX and NAME_MAX of Linux (limits.h), in bytes. */
export const MAX_PATH_BYTES = 4096;
export const MAX_NAME_BYTES = 255;

/**
 * The names on the way to an entry and its own, from the image's root; none for the root itself. A leading slash, double
 * slashes and `.` mean nothing; `..` is refused: no builder writes it, and readers differ on it.
 *
 * @param end where the part of the path ends that is meant.
 * @throws FormatError for `..`, and for names and paths that Linux could not hold.
 */
export function entryNames(path: ByteString, end = path.length): ByteString[] {
  checkPathLength(path);
  const names: ByteString[] = [];
  for (const name of path.slice(0, end).split("/")) {
    if (name === "" || name === ".") continue;
    if (name === "..") throw formatInvalid("its path contains ..", path);
    checkNameLength(name, path);
    names.push(name);
  }
  return names;
}

export function checkPathLength(path: ByteString): void {
  if (path.length > MAX_PATH_BYTES)
    throw formatLimit(`a path of ${path.length} bytes; Linux has ${MAX_PATH_BYTES}`, path);
}

export function checkNameLength(name: ByteString, path: ByteString): void {
  if (name.length > MAX_NAME_BYTES) {
    throw formatLimit(`a name of ${name.length} bytes; Linux has ${MAX_NAME_BYTES}`, path);
  }
}
