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

/** Seed of an inode's own checksums and of its blocks': the volume's seed, the number, the generation (always 0). */
export function inodeSeed(volumeSeed: number, ino: number): number {
  return crc32cOfU32(crc32cOfU32(volumeSeed, ino), 0);
}

/** Writes an inode at `at` of a zeroed table. */
export function encodeInode(table: Buffer, at: number, ino: number, volumeSeed: number, i: InodeFields): void {
  const sectors = i.blocks * 8;
  const time = encodeTime(i.seconds, i.nanoseconds);
  table.writeUInt16LE(i.mode, at);
  table.writeUInt16LE(i.uid & 0xffff, at + 2);
  table.writeUInt32LE(i.sizeBytes % 2 ** 32, at + 4);
  table.writeInt32LE(time.low, at + 8); // i_atime
  table.writeInt32LE(time.low, at + 12); // i_ctime
  table.writeInt32LE(time.low, at + 16); // i_mtime
  table.writeUInt16LE(i.gid & 0xffff, at + 24);
  table.writeUInt16LE(i.links, at + 26);
  table.writeUInt32LE(sectors % 2 ** 32, at + 28);
  table.writeUInt32LE(i.flags, at + 32);
  i.iBlock.copy(table, at + I_BLOCK_OFFSET);
  table.writeUInt32LE(i.xattrBlock % 2 ** 32, at + 104);
  table.writeUInt32LE(Math.floor(i.sizeBytes / 2 ** 32), at + 108);
  table.writeUInt16LE(Math.floor(sectors / 2 ** 32), at + 116);
  table.writeUInt16LE(Math.floor(i.xattrBlock / 2 ** 32), at + 118);
  table.writeUInt16LE(i.uid >>> 16, at + 120);
  table.writeUInt16LE(i.gid >>> 16, at + 122);
  table.writeUInt16LE(EXTRA_ISIZE, at + 128);
  table.writeUInt32LE(time.extra, at + 132); // i_ctime_extra
  table.writeUInt32LE(time.extra, at + 136); // i_mtime_extra
  table.writeUInt32LE(time.extra, at + 140); // i_atime_extra
  const created = encodeTime(i.createdSeconds, 0);
  table.writeInt32LE(created.low, at + 144);
  table.writeUInt32LE(created.extra, at + 148);
  i.xattrs?.copy(table, at + INODE_XATTR_OFFSET);

  const sum = crc32c(inodeSeed(volumeSeed, ino), table, at, at + INODE_BYTES);
  table.writeUInt16LE(sum & 0xffff, at + 124);
  table.writeUInt16LE(sum >>> 16, at + 130);
}

/** Whether the inode at `at` of a table is a directory's. */
export function isDirectory(table: Buffer, at: number): boolean {
  return (table.readUInt16LE(at) & 0o170000) === INODE_TYPES.directory.mode;
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
