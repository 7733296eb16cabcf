import type { ImageFile } from "../../model/image-file.ts";

const TYPE_LETTERS: Readonly<Record<ImageFile["type"], string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  char: "c",
  block: "b",
  fifo: "p",
  socket: "s",
};

/** One file as `ls -l --time-style=long-iso -n` tells of it: `-rw-r--r--  1     0     0      1234 2026-01-02 03:04 /etc/passwd`. */
export function longLine(file: ImageFile): string {
  const { type, mode, links, uid, gid, sizeBytes, mtime, path, target, device } = file;
  const size = device === undefined ? String(sizeBytes) : `${device[0]}, ${device[1]}`;
  const columns = [
    `${TYPE_LETTERS[type]}${permissions(mode)}`,
    String(links).padStart(3),
    String(uid).padStart(5),
    String(gid).padStart(5),
    size.padStart(10),
    time(mtime),
    target === undefined ? path : `${path} -> ${target}`,
  ];
  return columns.join(" ");
}

/** `rwsr-x--T`: set-id and sticky bits in the place of an x (ls(1), "The file mode bits"). */
export function permissions(mode: number): string {
  const special: readonly [bit: number, letter: string][] = [
    [0o4000, "s"],
    [0o2000, "s"],
    [0o1000, "t"],
  ];
  return special
    .map(([bit, letter], who) => {
      const bits = (mode >> (6 - 3 * who)) & 7;
      const plain = (bits & 1) === 0 ? "-" : "x";
      const marked = (bits & 1) === 0 ? letter.toUpperCase() : letter;
      return `${(bits & 4) === 0 ? "-" : "r"}${(bits & 2) === 0 ? "-" : "w"}${(mode & bit) === 0 ? plain : marked}`;
    })
    .join("");
}

/** In UTC, to the minute; beyond the years that a Date can have, in seconds since 1970. */
function time(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `@${seconds}` : date.toISOString().slice(0, 16).replace("T", " ");
}
