import type { ByteString } from "./byte-string.ts";

/** A run of a file's blocks that lie together on disk. */
export interface Extent {
  /** First block within the file. */
  readonly fileBlock: number;
  /** First block on disk. */
  readonly diskBlock: number;
  /** Length in blocks; not bounded by what one extent on disk can express. */
  readonly blocks: number;
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
  readonly xattrs: ReadonlyMap<ByteString, Buffer> | undefined;
}

export interface FileInode extends Attributes {
  readonly type: "file";
  /** In bytes. */
  readonly size: number;
  /** In ascending order, without overlap. Blocks of the file that none covers read as zeros. */
  readonly extents: readonly Extent[];
}

export interface DirectoryInode extends Attributes {
  readonly type: "directory";
}

export interface SymlinkInode extends Attributes {
  readonly type: "symlink";
  readonly target: ByteString;
}

export interface DeviceInode extends Attributes {
  readonly type: "char" | "block";
  readonly major: number;
  readonly minor: number;
}

export interface SpecialInode extends Attributes {
  readonly type: "fifo" | "socket";
}

/** All of an inode but its names. */
export type Inode = FileInode | DirectoryInode | SymlinkInode | DeviceInode | SpecialInode;
export type InodeType = Inode["type"];

/**
 * Attributes of what no layer describes: parents of an entry that are missing in it, and banger's own files. Root's, and of
 * no day, so that the same image has the same bytes on every day.
 */
export const PLAIN_ATTRIBUTES: Attributes = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  xattrs: undefined,
};

export const PLAIN_DIRECTORY: DirectoryInode = { type: "directory", ...PLAIN_ATTRIBUTES };
