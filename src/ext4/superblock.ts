import { crc32c, CRC32C_START } from "./crc32c.ts";
import { DX_HASH_HALF_MD4 } from "./htree.ts";
import { BLOCKS_PER_GROUP, DESCRIPTOR_BYTES } from "./geometry.ts";
import type { VolumeIdentity } from "./identity.ts";
import { EXT4_FIRST_INO, EXT4_JOURNAL_INO, INODE_BYTES } from "./inode-format.ts";
import { LOG_GROUPS_PER_FLEX, type VolumePlan } from "./volume-plan.ts";

/** struct ext4_super_block (Linux, fs/ext4/ext4.h). */
export const SUPERBLOCK_BYTES = 1024;
/** In group 0 a boot sector comes first; copies begin their block. */
export const SUPERBLOCK_OFFSET = 1024;
export const EXT4_SUPER_MAGIC = 0xef53;
const CHECKSUM_OFFSET = 1020;

/** `s_feature_compat` */
const COMPAT = { HAS_JOURNAL: 0x4, EXT_ATTR: 0x8, RESIZE_INODE: 0x10, DIR_INDEX: 0x20 } as const;
/** `s_feature_incompat` */
export const INCOMPAT = { FILETYPE: 0x2, EXTENTS: 0x40, "64BIT": 0x80, FLEX_BG: 0x200 } as const;
/** `s_feature_ro_compat` */
const RO_COMPAT = {
  SPARSE_SUPER: 0x1,
  LARGE_FILE: 0x2,
  HUGE_FILE: 0x8,
  DIR_NLINK: 0x20,
  EXTRA_ISIZE: 0x40,
  METADATA_CSUM: 0x400,
} as const;

const EXT4_VALID_FS = 1;
/** EXT4_ERRORS_RO: an error must not go unnoticed. */
const EXT4_ERRORS_RO = 2;
const EXT4_DYNAMIC_REV = 1;
/** EXT4_DEFM_XATTR_USER | EXT4_DEFM_ACL */
const DEFAULT_MOUNT_OPTIONS = 0x4 | 0x8;
/** EXT2_FLAGS_UNSIGNED_HASH: names' bytes are unsigned, on whatever machine. */
const EXT2_FLAGS_UNSIGNED_HASH = 0x2;
const EXT4_CRC32C_CHKSUM = 1;
const LABEL_BYTES = 16;

export interface SuperblockFields {
  readonly plan: VolumePlan;
  readonly identity: VolumeIdentity;
  readonly label: string;
  readonly timestampSeconds: number;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  /** The journal inode's `i_block` and size, kept twice in case the inode is lost; undefined without a journal. */
  readonly journal: { readonly iBlock: Buffer; readonly sizeBytes: number } | undefined;
}

/** The superblock as it stands in `group`. */
export function encodeSuperblock(f: SuperblockFields, group: number): Buffer {
  const { plan } = f;
  const sb = Buffer.alloc(SUPERBLOCK_BYTES);
  const u32 = (at: number, value: number): number => sb.writeUInt32LE(value % 2 ** 32, at);
  const u16 = (at: number, value: number): number => sb.writeUInt16LE(value, at);

  u32(0, plan.groups * plan.inodesPerGroup); // s_inodes_count
  u32(4, plan.blocks); // s_blocks_count_lo
  u32(12, f.freeBlocks); // s_free_blocks_count_lo
  u32(16, f.freeInodes); // s_free_inodes_count
  u32(24, 2); // s_log_block_size: 1024 << 2
  u32(28, 2); // s_log_cluster_size
  u32(32, BLOCKS_PER_GROUP); // s_blocks_per_group
  u32(36, BLOCKS_PER_GROUP); // s_clusters_per_group
  u32(40, plan.inodesPerGroup); // s_inodes_per_group
  u32(48, f.timestampSeconds); // s_wtime
  u16(54, 0xffff); // s_max_mnt_count: no checks by count
  u16(56, EXT4_SUPER_MAGIC);
  u16(58, EXT4_VALID_FS); // s_state
  u16(60, EXT4_ERRORS_RO); // s_errors
  u32(64, f.timestampSeconds); // s_lastcheck
  u32(76, EXT4_DYNAMIC_REV); // s_rev_level
  u32(84, EXT4_FIRST_INO); // s_first_ino
  u16(88, INODE_BYTES); // s_inode_size
  u16(90, group % 2 ** 16); // s_block_group_nr
  u32(92, COMPAT.EXT_ATTR | COMPAT.RESIZE_INODE | COMPAT.DIR_INDEX | (f.journal ? COMPAT.HAS_JOURNAL : 0));
  u32(96, sum(INCOMPAT));
  u32(100, sum(RO_COMPAT));
  f.identity.uuid.copy(sb, 104);
  sb.write(f.label, 120, LABEL_BYTES, "utf8"); // s_volume_name
  u16(206, plan.reservedDescriptorBlocks); // s_reserved_gdt_blocks
  f.identity.hashSeed.copy(sb, 236);
  sb.writeUInt8(DX_HASH_HALF_MD4, 252); // s_def_hash_version
  u16(254, DESCRIPTOR_BYTES); // s_desc_size
  u32(256, DEFAULT_MOUNT_OPTIONS); // s_default_mount_opts
  u32(264, f.timestampSeconds); // s_mkfs_time
  if (f.journal) {
    // s_journal_uuid stays zero: that one is for a journal on a device of its own.
    u32(224, EXT4_JOURNAL_INO); // s_journal_inum
    sb.writeUInt8(1, 253); // s_jnl_backup_type: EXT3_JNL_BACKUP_BLOCKS
    f.journal.iBlock.copy(sb, 268); // s_jnl_blocks[0..14]
    u32(268 + 15 * 4, Math.floor(f.journal.sizeBytes / 2 ** 32));
    u32(268 + 16 * 4, f.journal.sizeBytes);
  }
  u32(336, Math.floor(plan.blocks / 2 ** 32)); // s_blocks_count_hi
  u32(344, Math.floor(f.freeBlocks / 2 ** 32)); // s_free_blocks_hi
  u16(348, 32); // s_min_extra_isize
  u16(350, 32); // s_want_extra_isize
  u32(352, EXT2_FLAGS_UNSIGNED_HASH); // s_flags
  sb.writeUInt8(LOG_GROUPS_PER_FLEX, 372);
  sb.writeUInt8(EXT4_CRC32C_CHKSUM, 373); // s_checksum_type
  u32(CHECKSUM_OFFSET, crc32c(CRC32C_START, sb, 0, CHECKSUM_OFFSET));
  return sb;
}

/** Where all of a volume's checksums but the superblock's start. */
export function volumeSeed(uuid: Buffer): number {
  return crc32c(CRC32C_START, uuid);
}

function sum(flags: Readonly<Record<string, number>>): number {
  return Object.values(flags).reduce((all, flag) => all | flag, 0);
}
