import { CompactFile } from "./compact-file.ts";

/**
 * A file system in memory: names, attributes and where the contents lie, never the contents themselves.
 *
 * One side builds it from layers, another writes it out; they share nothing else. It is made for a million inodes:
 * attributes are flat fields, and files, of which there are most, take less than an object of such fields would.
 */

/**
 * A name or link target as exact bytes, one character (U+0000 to U+00FF) a byte: `buffer.toString("latin1")`.
 *
 * Names on disk have no encoding; as binary strings they stay exact and are cheap keys of a Map. For people use
 * {@link displayName}. Make each from its own bytes: a slice of a long string keeps the whole of it in memory.
 */
export type ByteString = string;

/** A run of a file's blocks that lie together on disk. Blocks of the file that no run covers read as zeros. */
export interface Extent {
  /** First block within the file. Runs of one file ascend and never overlap. */
  readonly fileBlock: number;
  /** First block on disk. */
  readonly diskBlock: number;
  /** Length in blocks; not bounded by what one extent on disk can express. */
  readonly blocks: number;
  /** The file's next run. Most files have one run or none, so a chain is smaller than an array. */
  readonly next: Extent | undefined;
}

/** What every inode has, whatever its type. */
export interface Attributes {
  /** Permission bits with setuid, setgid and sticky: 0 to 07777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970, a whole number, which may be negative. */
  readonly mtimeSeconds: number;
  /** 0 to 999,999,999, added to the seconds. */
  readonly mtimeNanoseconds: number;
  /** Full names (`user.x`, `security.capability`) and values as the xattr system calls have them. */
  readonly xattrs: Map<ByteString, Buffer> | undefined;
}

interface Linked {
  /** How many directory entries name this inode; kept by {@link link} and {@link unlink}. The root counts as one. */
  links: number;
}

interface InodeBase extends Attributes, Linked {}

export interface FileInode extends InodeBase {
  readonly type: "file";
  /** In bytes. */
  readonly size: number;
  readonly extents: Extent | undefined;
}

type Changeable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Its attributes may change: a layer can describe a directory that is there already. */
export interface DirectoryInode extends Changeable<Attributes>, Linked {
  readonly type: "directory";
  /** Without `.` and `..`. */
  readonly entries: Map<ByteString, Inode>;
}

export interface SymlinkInode extends InodeBase {
  readonly type: "symlink";
  readonly target: ByteString;
}

export interface DeviceInode extends InodeBase {
  readonly type: "char" | "block";
  readonly major: number;
  readonly minor: number;
}

export interface SpecialInode extends InodeBase {
  readonly type: "fifo" | "socket";
}

/** What a name leads to. Hard links are several entries that hold the same object. */
export type Inode = FileInode | DirectoryInode | SymlinkInode | DeviceInode | SpecialInode;
export type InodeType = Inode["type"];

/** Attributes of a directory that nobody described: an entry's parents that are missing in a layer. */
export const PLAIN_DIRECTORY: Attributes = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  xattrs: undefined,
};

export function newFile(a: Attributes, size: number, extents: Extent | undefined): FileInode {
  return new CompactFile(a, size, extents);
}

export function newDirectory(a: Attributes): DirectoryInode {
  return { type: "directory", ...fresh(a), entries: new Map() };
}

export function newSymlink(a: Attributes, target: ByteString): SymlinkInode {
  return { type: "symlink", ...fresh(a), target };
}

export function newDevice(type: DeviceInode["type"], a: Attributes, major: number, minor: number): DeviceInode {
  return { type, ...fresh(a), major, minor };
}

export function newSpecial(type: SpecialInode["type"], a: Attributes): SpecialInode {
  return { type, ...fresh(a) };
}

/** An empty tree. */
export function newRoot(a: Attributes = PLAIN_DIRECTORY): DirectoryInode {
  const root = newDirectory(a);
  root.links = 1;
  return root;
}

/** Names `inode` in `parent`, in place of what had the name before. */
export function link(parent: DirectoryInode, name: ByteString, inode: Inode): void {
  inode.links += 1;
  unlink(parent, name);
  parent.entries.set(name, inode);
}

/** Takes a name away, with all that stands below it; false when there is no such name. */
export function unlink(parent: DirectoryInode, name: ByteString): boolean {
  const gone = parent.entries.get(name);
  if (gone === undefined) return false;
  parent.entries.delete(name);
  // A list, not recursion: trees come from outside and may be thousands of levels deep.
  const dropped: Inode[] = [gone];
  for (let inode = dropped.pop(); inode !== undefined; inode = dropped.pop()) {
    inode.links -= 1;
    if (inode.type !== "directory") continue;
    for (const child of inode.entries.values()) dropped.push(child);
    inode.entries.clear();
  }
  return true;
}

/** What a terminal would act on, or that would let a name look like another: C0, C1, line separators, bidi controls. */
const HIDDEN_CHARACTERS = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\\]/gu;

/**
 * A byte string as text to show: UTF-8 where it is, with each byte of what cannot be shown escaped like `\x9f`, and a
 * backslash doubled. {@link parseDisplayName} reads it back.
 */
export function displayName(name: ByteString): string {
  const text = Buffer.from(name, "latin1").toString("utf8");
  // A replacement character may stand in the name itself; escaped like the rest it is still exact.
  if (text.includes("\ufffd")) return name.replace(/[^\x20-\x7e]|\\/g, escapeBytes("latin1"));
  return text.replace(HIDDEN_CHARACTERS, escapeBytes("utf8"));
}

/** What {@link displayName} has written, as the bytes that it was; also a path as a user types it. */
export function parseDisplayName(text: string): ByteString {
  return Buffer.from(text, "utf8")
    .toString("latin1")
    .replace(/\\(?:\\|x([0-9a-fA-F]{2}))/g, (_, hex: string | undefined) =>
      hex === undefined ? "\\" : String.fromCharCode(Number.parseInt(hex, 16)),
    );
}

function escapeBytes(encoding: "utf8" | "latin1"): (character: string) => string {
  return (character) => {
    if (character === "\\") return "\\\\";
    return [...Buffer.from(character, encoding)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  };
}

function fresh(a: Attributes): Attributes & { links: number } {
  const { mode, uid, gid, mtimeSeconds, mtimeNanoseconds, xattrs } = a;
  return { mode, uid, gid, mtimeSeconds, mtimeNanoseconds, xattrs, links: 0 };
}
