import { displayName, type ByteString } from "../model/byte-string.ts";

/** Parts a stream of words that end with NUL, as git's `-z` writes them, into exact byte strings. */
export function wordsOf(output: Buffer): readonly ByteString[] {
  const words = output.toString("latin1").split("\0");
  if (words.at(-1) === "") words.pop();
  return words;
}

/** The same words as git reads them: each ended with NUL. */
export function asWords(words: readonly ByteString[]): Buffer {
  return Buffer.from(words.map((word) => `${word}\0`).join(""), "latin1");
}

/** A path of this host, as Node takes it, below a folder. */
export function pathBelow(folder: string, path: ByteString): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(path, "latin1")]);
}

/** Folders above a path, from the top: `a/b/c` → `a`, `a/b`. */
export function foldersAbove(path: ByteString): readonly ByteString[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_part, at) => parts.slice(0, at + 1).join("/"));
}

/** A few of many paths, for people. */
export function somePaths(paths: readonly ByteString[], most = 10): string {
  const shown = paths.slice(0, most).map(displayName).join(", ");
  return paths.length > most ? `${shown} and ${paths.length - most} more` : shown;
}
