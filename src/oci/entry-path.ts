import type { ByteString } from "../model/byte-string.ts";
import { tarInvalid, tarLimit } from "./tar-error.ts";

/** PATH_MAX and NAME_MAX of Linux (limits.h), in bytes. */
export const MAX_PATH_BYTES = 4096;
export const MAX_NAME_BYTES = 255;

/** Where an entry goes in the image. */
export interface EntryPath {
  /** As it stands in the archive. */
  readonly text: ByteString;
  /** The names on the way, from the image's root. */
  readonly parents: readonly ByteString[];
  /** Empty for the root itself. */
  readonly name: ByteString;
}

/** Reads entries' paths. Most entries come with others of their directory: its path is read once, and given again. */
export class EntryPathReader {
  /** With the slash that ends it. */
  #directory: ByteString = "";
  #parents: readonly ByteString[] = [];

  /** @throws TarError as {@link entryNames} does. */
  read(text: ByteString): EntryPath {
    const end = text.length - (text.endsWith("/") ? 1 : 0);
    const nameAt = text.lastIndexOf("/", end - 1) + 1;
    const name = text.slice(nameAt, end);
    if (name === "" || name === "." || name === "..") {
      const names = entryNames(text);
      return { text, name: names.pop() ?? "", parents: names };
    }
    checkPathLength(text);
    checkNameLength(name, text);
    if (nameAt !== this.#directory.length || !text.startsWith(this.#directory)) {
      this.#parents = entryNames(text, nameAt);
      this.#directory = text.slice(0, nameAt);
    }
    return { text, name, parents: this.#parents };
  }
}

/**
 * The names on the way to an entry and its own, from the image's root; none for the root itself. A leading slash, double
 * slashes and `.` mean nothing; `..` is refused: no builder writes it, and readers differ on it.
 *
 * @param end where the part of the path ends that is meant.
 * @throws TarError for `..`, and for names and paths that Linux could not hold.
 */
export function entryNames(path: ByteString, end = path.length): ByteString[] {
  checkPathLength(path);
  const names: ByteString[] = [];
  for (const name of path.slice(0, end).split("/")) {
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

function checkPathLength(path: ByteString): void {
  if (path.length > MAX_PATH_BYTES) throw tarLimit(`a path of ${path.length} bytes; Linux has ${MAX_PATH_BYTES}`, path);
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
export function entryMeaning({ parents, name, text }: EntryPath): EntryMeaning {
  for (const parent of parents) {
    if (parent.startsWith(AUFS)) return { kind: "ignored" };
    if (parent.startsWith(WHITEOUT))
      throw tarInvalid("a directory's name begins with .wh., which only whiteouts do", text);
  }
  if (!name.startsWith(WHITEOUT)) return { kind: "entry" };
  if (name === OPAQUE) return { kind: "opaque" };
  if (name.startsWith(AUFS)) return { kind: "ignored" };
  const hidden = name.slice(WHITEOUT.length);
  if (hidden === "" || hidden === "." || hidden === "..") throw tarInvalid("a whiteout of no name", text);
  return { kind: "whiteout", name: hidden };
}
