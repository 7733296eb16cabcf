import { LastView } from "../lib/last-view.ts";
import { crc32c, crc32cOfU32 } from "./crc32c.ts";

/** struct ext4_inode (Linux, fs/ext4/ext4.h), at the size that mke2fs gives it. */
export const INODE_BYTES = 256;
/** Length of `i_block`: the root of an extent tree, a short symlink, or a device number. */
export const I_BLOCK_BYTES = 60;
/** Where `i_block` stands. */
export const I_BLOCK_OFFSET = 40;
/** EXT2_GOOD_OLD_INODE_SIZE + `i_extra_isize`: attributes in the inode start here. */
export const INODE_XATTR_OFFSET = 128 + 32;
const EXTRA_ISIZE = 32;

/** `i_flags` */
export const EXT4_INDEX_FL = 0x1000;
export const EXT4_EXTENTS_FL = 0x80000;

/** Inodes with a fixed meaning; 1 to 10 are reserved. */
export const EXT4_ROOT_INO = 2;
export const EXT4_RESIZE_INO = 7;
export const EXT4_JOURNAL_INO = 8;
/** `s_first_ino`: the first that is free for files; lost+found by custom. */
export const EXT4_FIRST_INO = 11;

/** Type bits of `i_mode` (stat.h), and the type byte of a directory entry (EXT4_FT_*). */
export const INODE_TYPES = {
  file: { mode: 0o100000, entry: 1 },
  directory: { mode: 0o040000, entry: 2 },
  char: { mode: 0o020000, entry: 3 },
  block: { mode: 0o060000, entry: 4 },
  fifo: { mode: 0o010000, entry: 5 },
  socket: { mode: 0o140000, entry: 6 },
  symlink: { mode: 0o120000, entry: 7 },
} as const;

/** What an inode says, apart from the place where it stands. */
export interface InodeFields {
  /** Type and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly links: number;
  /** Blocks that it holds: data, extent tree and attributes. */
  readonly blocks: number;
  readonly flags: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  /** `i_crtime`, in seconds. */
  readonly createdSeconds: number;
  /** {@link I_BLOCK_BYTES} bytes or fewer. */
  readonly iBlock: Buffer;
  /** Block of attributes that the inode has no room for, or 0. */
  readonly xattrBlock: number;
  /** Attributes in the inode, from {@link INODE_XATTR_OFFSET} on. */
  readonly xattrs?: Buffer | undefined;
}

const tables = new LastView();

/** Seed of an inode's own checksums and of its blocks': the volume's seed, the number, the generation (always 0). */
export function inodeSeed(volumeSeed: number, ino: number): number {
  return crc32cOfU32(crc32cOfU32(volumeSeed, ino), 0);
}

/** Writes an inode at `at` of a zeroed table. Setters keep the lowest bits of a number (ECMA-262, ToUint16, ToUint32). */
export function encodeInode(table: Buffer, at: number, ino: number, volumeSeed: number, i: InodeFields): void {
  const view = tables.over(table);
  const start = table.byteOffset + at;
  const sectors = i.blocks * 8;
  const time = encodeTime(i.seconds, i.nanoseconds);
  const created = encodeTime(i.createdSeconds, 0);
  view.setUint16(start, i.mode, true);
  view.setUint16(start + 2, i.uid, true);
  view.setUint32(start + 4, i.sizeBytes, true);
  view.setInt32(start + 8, time.low, true); // i_atime
  view.setInt32(start + 12, time.low, true); // i_ctime
  view.setInt32(start + 16, time.low, true); // i_mtime
  view.setUint16(start + 24, i.gid, true);
  view.setUint16(start + 26, i.links, true);
  view.setUint32(start + 28, sectors, true);
  view.setUint32(start + 32, i.flags, true);
  table.set(i.iBlock, at + I_BLOCK_OFFSET);
  view.setUint32(start + 104, i.xattrBlock, true);
  view.setUint32(start + 108, Math.floor(i.sizeBytes / 2 ** 32), true);
  view.setUint16(start + 116, Math.floor(sectors / 2 ** 32), true);
  view.setUint16(start + 118, Math.floor(i.xattrBlock / 2 ** 32), true);
  view.setUint16(start + 120, i.uid >>> 16, true);
  view.setUint16(start + 122, i.gid >>> 16, true);
  view.setUint16(start + 128, EXTRA_ISIZE, true);
  view.setUint32(start + 132, time.extra, true); // i_ctime_extra
  view.setUint32(start + 136, time.extra, true); // i_mtime_extra
  view.setUint32(start + 140, time.extra, true); // i_atime_extra
  view.setInt32(start + 144, created.low, true);
  view.setUint32(start + 148, created.extra, true);
  if (i.xattrs !== undefined) table.set(i.xattrs, at + INODE_XATTR_OFFSET);

  const sum = crc32c(inodeSeed(volumeSeed, ino), table, at, at + INODE_BYTES);
  view.setUint16(start + 124, sum, true);
  view.setUint16(start + 130, sum >>> 16, true);
}

/** Whether the inode at `at` of a table is a directory's. */
export function isDirectory(table: Buffer, at: number): boolean {
  return ((table[at + 1] ?? 0) & 0xf0) === INODE_TYPES.directory.mode >>> 8;
}

const MIN_SECONDS = -(2 ** 31);
const MAX_SECONDS = 2 ** 34 - 2 ** 31 - 1;

/** 34 bits of seconds (1901 to 2446, clamped) and 30 of nanoseconds: EXT4_EPOCH_BITS in the low two of `extra`. */
export function encodeTime(seconds: number, nanoseconds: number): { low: number; extra: number } {
  if (seconds < MIN_SECONDS) return { low: MIN_SECONDS, extra: 0 };
  const clamped = Math.min(seconds, MAX_SECONDS);
  const low = clamped | 0;
  const epoch = (clamped - low) / 2 ** 32;
  const nanos = seconds > MAX_SECONDS ? 999_999_999 : nanoseconds;
  return { low, extra: ((nanos << 2) | epoch) >>> 0 };
}

/** Old 8:8 numbers where they fit, else the kernel's `new_encode_dev`: 12 bits of major, 20 of minor. */
export function encodeDevice(major: number, minor: number): Buffer {
  const iBlock = Buffer.alloc(8);
  if (major < 256 && minor < 256) iBlock.writeUInt32LE((major << 8) | minor, 0);
  else iBlock.writeUInt32LE(((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, 4);
  return iBlock;
}

export const MAX_MAJOR = 2 ** 12 - 1;
export const MAX_MINOR = 2 ** 20 - 1;
