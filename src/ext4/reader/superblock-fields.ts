import { BangerError } from "../../lib/errors.ts";
import { EXT4_SUPER_MAGIC } from "../superblock.ts";
import { damaged } from "./disk.ts";

/** `s_feature_incompat` (Linux, fs/ext4/ext4.h): what a reader must know of. */
const INCOMPAT = {
  FILETYPE: 0x2,
  RECOVER: 0x4,
  META_BG: 0x10,
  EXTENTS: 0x40,
  "64BIT": 0x80,
  FLEX_BG: 0x200,
  EA_INODE: 0x400,
  CSUM_SEED: 0x2000,
  LARGEDIR: 0x4000,
  CASEFOLD: 0x20000,
} as const;
const KNOWN = Object.values(INCOMPAT).reduce((all, flag) => all | flag, 0);
/** `s_feature_ro_compat` */
const RO_COMPAT = {
  SPARSE_SUPER: 0x1,
  GDT_CSUM: 0x10,
  METADATA_CSUM: 0x400,
  ORPHAN_PRESENT: 0x10000,
} as const;
/** `s_state` */
const EXT4_VALID_FS = 1;
const EXT4_ERROR_FS = 2;

/** What a reader needs of a superblock, checked. */
export interface SuperblockFields {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly inodes: number;
  readonly firstDataBlock: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly inodeBytes: number;
  readonly descriptorBytes: number;
  /** Blocks of descriptors that stand together; those behind are spread (META_BG). */
  readonly firstMetaGroup: number;
  readonly sparseSuper: boolean;
  readonly hasFileTypes: boolean;
  /** The volume was not unmounted: what its journal holds is not seen here. */
  readonly needsRecovery: boolean;
  /** It was unmounted in order, found no error of its own, and no deleted file waits to be freed. */
  readonly isClean: boolean;
  readonly uuid: Buffer;
  readonly label: string;
  readonly freeBlocks: number;
  readonly reservedDescriptorBlocks: number;
  /** Flags of group descriptors mean something. */
  readonly hasGroupFlags: boolean;
}

/**
 * Reads the 1024 bytes of a superblock.
 *
 * @throws BangerError `EXT4_INVALID` if it is none, makes no sense, or asks for what we cannot read.
 */
export function parseSuperblock(sb: Buffer): SuperblockFields {
  if (sb.readUInt16LE(56) !== EXT4_SUPER_MAGIC) {
    throw new BangerError("EXT4_INVALID", {
      what: "there is no ext4 file system in it",
      why: "it has no superblock",
      fix: "give an image of an ext4 file system, without a partition table",
    });
  }
  const incompat = sb.readUInt32LE(96);
  const unknown = incompat & ~KNOWN;
  if (unknown !== 0) {
    throw new BangerError("EXT4_INVALID", {
      what: "the ext4 file system cannot be read",
      why: `it uses features that we do not know (0x${(unknown >>> 0).toString(16)})`,
      fix: "look into it from a VM",
    });
  }
  const is64Bit = (incompat & INCOMPAT["64BIT"]) !== 0;
  const logBlock = inRange(sb.readUInt32LE(24), 0, 6, "s_log_block_size");
  const blockBytes = 1024 << logBlock;
  const roCompat = sb.readUInt32LE(100);
  const revision = sb.readUInt32LE(76);
  const fields = {
    blockBytes,
    blocks: sb.readUInt32LE(4) + (is64Bit ? sb.readUInt32LE(336) * 2 ** 32 : 0),
    inodes: sb.readUInt32LE(0),
    firstDataBlock: inRange(sb.readUInt32LE(20), 0, 1, "s_first_data_block"),
    blocksPerGroup: inRange(sb.readUInt32LE(32), 8, 8 * blockBytes, "s_blocks_per_group"),
    inodesPerGroup: inRange(sb.readUInt32LE(40), 1, 8 * blockBytes, "s_inodes_per_group"),
    inodeBytes: revision === 0 ? 128 : inRange(sb.readUInt16LE(88), 128, blockBytes, "s_inode_size"),
    descriptorBytes: is64Bit ? inRange(sb.readUInt16LE(254), 64, 1024, "s_desc_size") : 32,
    firstMetaGroup: (incompat & INCOMPAT.META_BG) === 0 ? Number.POSITIVE_INFINITY : sb.readUInt32LE(260),
    sparseSuper: (roCompat & RO_COMPAT.SPARSE_SUPER) !== 0,
    hasFileTypes: (incompat & INCOMPAT.FILETYPE) !== 0,
    needsRecovery: (incompat & INCOMPAT.RECOVER) !== 0,
    isClean:
      (incompat & INCOMPAT.RECOVER) === 0 &&
      (sb.readUInt16LE(58) & (EXT4_VALID_FS | EXT4_ERROR_FS)) === EXT4_VALID_FS &&
      sb.readUInt32LE(232) === 0 && // s_last_orphan
      (roCompat & RO_COMPAT.ORPHAN_PRESENT) === 0,
    uuid: Buffer.from(sb.subarray(104, 120)),
    label: sb.toString("latin1", 120, 136).replace(/\0.*$/s, ""),
    freeBlocks: sb.readUInt32LE(12) + (is64Bit ? sb.readUInt32LE(344) * 2 ** 32 : 0),
    reservedDescriptorBlocks: sb.readUInt16LE(206),
    hasGroupFlags: (roCompat & (RO_COMPAT.GDT_CSUM | RO_COMPAT.METADATA_CSUM)) !== 0,
  };
  for (const bytes of [fields.inodeBytes, fields.descriptorBytes]) {
    if ((bytes & (bytes - 1)) !== 0) throw damaged(`${bytes} bytes for an inode or descriptor is no power of two`);
  }
  inRange(fields.blocks, fields.firstDataBlock + 1, Number.MAX_SAFE_INTEGER / blockBytes, "s_blocks_count");
  return fields;
}

function inRange(value: number, min: number, max: number, field: string): number {
  if (value < min || value > max) throw damaged(`${field} is ${value}`);
  return value;
}
