import type { ByteString } from "../../model/byte-string.ts";
import { formatInvalid } from "../../formats/format-error.ts";
import { checkNameLength, checkPathLength, entryNames } from "../../formats/tar/entry-names.ts";

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

  /** @throws FormatError as {@link entryNames} does. */
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
 * Lets pass what a directory may be called that a link on the way leads to and that has to be made.
 *
 * @throws FormatError for what no entry could be called either.
 */
export function checkMadeName(name: ByteString, path: ByteString): void {
  checkNameLength(name, path);
  if (name.startsWith(WHITEOUT)) throw formatInvalid("a link on its path leads to a name that begins with .wh.", path);
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
 * @throws FormatError where `.wh.` stands in front of nothing, `.` or `..`, or of a directory on the way.
 */
export function entryMeaning({ parents, name, text }: EntryPath): EntryMeaning {
  for (const parent of parents) {
    if (parent.startsWith(AUFS)) return { kind: "ignored" };
    if (parent.startsWith(WHITEOUT))
      throw formatInvalid("a directory's name begins with .wh., which only whiteouts do", text);
  }
  if (!name.startsWith(WHITEOUT)) return { kind: "entry" };
  if (name === OPAQUE) return { kind: "opaque" };
  if (name.startsWith(AUFS)) return { kind: "ignored" };
  const hidden = name.slice(WHITEOUT.length);
  if (hidden === "" || hidden === "." || hidden === "..") throw formatInvalid("a whiteout of no name", text);
  return { kind: "whiteout", name: hidden };
}
