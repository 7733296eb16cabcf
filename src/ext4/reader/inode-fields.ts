import type { InodeType } from "../../model/inode.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, INODE_TYPES } from "../inode-format.ts";
import { damaged } from "./disk.ts";

const EXT4_EXTENTS_FL = 0x80000;
/** Content that we cannot read as it is: EXT4_COMPR_FL, EXT4_ENCRYPT_FL, EXT4_INLINE_DATA_FL. */
const UNREADABLE_FLAGS = 0x4 | 0x800 | 0x10000000;
/** The largest file that any block size and extent can make. */
const MAX_FILE_BYTES = 2 ** 32 * 65536;
const S_IFMT = 0o170000;

/** What stat(2) would say of an inode, and where its content is described. */
export interface Ext4Stat {
  readonly ino: number;
  readonly type: InodeType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly links: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  /** Of devices; else 0. */
  readonly major: number;
  readonly minor: number;
  readonly iBlock: Buffer;
  readonly usesExtents: boolean;
  readonly isReadable: boolean;
  readonly xattrBlock: number;
  /** What stands behind the fixed fields. */
  readonly extra: Buffer;
}

const TYPES: ReadonlyMap<number, InodeType> = new Map(
  Object.entries(INODE_TYPES).map(([type, { mode }]) => [mode as number, type as InodeType]),
);

/**
 * Reads an inode (struct ext4_inode).
 *
 * @throws BangerError `EXT4_INVALID` if it is free, or says what cannot be.
 */
export function parseInode(raw: Buffer, ino: number): Ext4Stat {
  const mode = raw.readUInt16LE(0);
  const type = TYPES.get(mode & S_IFMT);
  if (type === undefined) throw damaged(`inode ${ino} has the mode ${mode.toString(8)}`);
  const sizeBytes = raw.readUInt32LE(4) + raw.readUInt32LE(108) * 2 ** 32;
  if (sizeBytes > MAX_FILE_BYTES) throw damaged(`inode ${ino} has the size ${sizeBytes}`);
  // i_extra_isize says how many of the fields past the first 128 bytes are there.
  const extraBytes = raw.length >= 132 ? Math.min(raw.readUInt16LE(128), raw.length - 128) : 0;
  const mtimeExtra = extraBytes >= 12 ? raw.readUInt32LE(136) : 0;
  const iBlock = raw.subarray(I_BLOCK_OFFSET, I_BLOCK_OFFSET + I_BLOCK_BYTES);
  const flags = raw.readUInt32LE(32);
  return {
    ino,
    type,
    mode: mode & 0o7777,
    uid: raw.readUInt16LE(2) + raw.readUInt16LE(120) * 65536,
    gid: raw.readUInt16LE(24) + raw.readUInt16LE(122) * 65536,
    sizeBytes,
    links: raw.readUInt16LE(26),
    mtimeSeconds: raw.readInt32LE(16) + (mtimeExtra & 3) * 2 ** 32,
    mtimeNanoseconds: Math.min(mtimeExtra >>> 2, 999_999_999),
    ...(type === "char" || type === "block" ? decodeDevice(iBlock) : { major: 0, minor: 0 }),
    iBlock,
    usesExtents: (flags & EXT4_EXTENTS_FL) !== 0,
    isReadable: (flags & UNREADABLE_FLAGS) === 0,
    xattrBlock: raw.readUInt32LE(104) + raw.readUInt16LE(118) * 2 ** 32,
    extra: extraBytes > 0 ? raw.subarray(128 + extraBytes) : Buffer.alloc(0),
  };
}

function decodeDevice(iBlock: Buffer): { major: number; minor: number } {
  const [old, now] = [iBlock.readUInt32LE(0), iBlock.readUInt32LE(4)];
  if (old !== 0) return { major: (old >>> 8) & 0xff, minor: old & 0xff };
  return { major: (now & 0xfff00) >>> 8, minor: (now & 0xff) | ((now >>> 12) & 0xfff00) };
}
