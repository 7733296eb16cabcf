import type { ByteString } from "../model/byte-string.ts";
import { tarInvalid, tarLimit } from "./tar-error.ts";

/** PATH_MAX and NAME_MAX of Linux (limits.h), in bytes. */
export const MAX_PATH_BYTES = 4096;
export const MAX_NAME_BYTES = 255;

/**
 * The names on the way to an entry, from the image's root; none for the root itself. A leading slash, double slashes
 * and `.` mean nothing; `..` is refused: no builder writes it, and readers differ on it.
 *
 * @throws TarError for `..`, and for names and paths that Linux could not hold.
 */
export function entryPath(path: ByteString): ByteString[] {
  if (path.length > MAX_PATH_BYTES) throw tarLimit(`a path of ${path.length} bytes; Linux has ${MAX_PATH_BYTES}`, path);
  const names: ByteString[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name === "..") throw tarInvalid("its path contains ..", path);
    checkNameLength(name, path);
    names.push(name);
  }
  return names;
}

/**
 * Lets pass what a directory may be called that a link on the way leads to and that has to be made.
 *
 * @throws TarError for what no entry could be called either.
 */
export function checkMadeName(name: ByteString, path: ByteString): void {
  checkNameLength(name, path);
  if (name.startsWith(WHITEOUT)) throw tarInvalid("a link on its path leads to a name that begins with .wh.", path);
}

function checkNameLength(name: ByteString, path: ByteString): void {
  if (name.length > MAX_NAME_BYTES) {
    throw tarLimit(`a name of ${name.length} bytes; Linux has ${MAX_NAME_BYTES}`, path);
  }
}

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** Notes of aufs to itself (`.wh..wh.plnk`, `.wh..wh.aufs`, `.wh..wh.orph`), which old Docker let through. */
const AUFS = ".wh..wh.";

export type EntryMeaning =
  | { readonly kind: "entry" }
  /** Hides `name` of the layers below. */
  | { readonly kind: "whiteout"; readonly name: ByteString }
  /** Hides all that the layers below have in the directory. */
  | { readonly kind: "opaque" }
  | { readonly kind: "ignored" };

/**
 * What an entry's names say of it (OCI image spec, layer.md, "Whiteouts").
 *
 * @throws TarError where `.wh.` stands in front of nothing, `.` or `..`, or of a directory on the way.
 */
export function entryMeaning(names: readonly ByteString[], path: ByteString): EntryMeaning {
  const last = names.length - 1;
  for (let i = 0; i < last; i++) {
    const name = names[i] ?? "";
    if (name.startsWith(AUFS)) return { kind: "ignored" };
    if (name.startsWith(WHITEOUT))
      throw tarInvalid("a directory's name begins with .wh., which only whiteouts do", path);
  }
  const name = names[last] ?? "";
  if (!name.startsWith(WHITEOUT)) return { kind: "entry" };
  if (name === OPAQUE) return { kind: "opaque" };
  if (name.startsWith(AUFS)) return { kind: "ignored" };
  const hidden = name.slice(WHITEOUT.length);
  if (hidden === "" || hidden === "." || hidden === "..") throw tarInvalid("a whiteout of no name", path);
  return { kind: "whiteout", name: hidden };
}
