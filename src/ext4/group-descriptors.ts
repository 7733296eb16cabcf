import { crc32c, crc32cOfU32 } from "./crc32c.ts";
import { BLOCK_BYTES, BLOCKS_PER_GROUP, DESCRIPTOR_BYTES, headBlocks } from "./geometry.ts";
import { setBits, type UsedBlocks } from "./used-blocks.ts";
import type { VolumePlan } from "./volume-plan.ts";

/** `bg_flags` */
const EXT4_BG_INODE_UNINIT = 0x1;
const EXT4_BG_BLOCK_UNINIT = 0x2;
const EXT4_BG_INODE_ZEROED = 0x4;

export interface InodeUse {
  /** Inodes 1 to this one are in use, without a gap. */
  readonly lastInode: number;
  /** Directories in each group; absent is 0. */
  readonly directories: ReadonlyMap<number, number>;
}

export interface GroupTables {
  /** Whole blocks of struct ext4_group_desc (Linux, fs/ext4/ext4.h). */
  readonly descriptors: Buffer;
  /** Bitmaps that must be written, and where. */
  readonly bitmaps: readonly { readonly diskBlock: number; readonly data: Buffer }[];
  readonly freeBlocks: number;
  readonly freeInodes: number;
}

/** Describes each group. One that holds nothing but what its descriptor tells needs no bitmap on disk. */
export function describeGroups(plan: VolumePlan, used: UsedBlocks, inodes: InodeUse, volumeSeed: number): GroupTables {
  const descriptors = Buffer.alloc(plan.descriptorBlocks * BLOCK_BYTES);
  const bitmaps: { diskBlock: number; data: Buffer }[] = [];
  let freeBlocks = 0;
  let freeInodes = 0;
  for (let group = 0; group < plan.groups; group += 1) {
    const blocks = Math.min(BLOCKS_PER_GROUP, plan.blocks - group * BLOCKS_PER_GROUP);
    const free = blocks - headBlocks(plan.geometry, group) - used.countIn(group);
    const inodesHere = Math.min(Math.max(inodes.lastInode - group * plan.inodesPerGroup, 0), plan.inodesPerGroup);
    // The last group's bitmap always exists: its end needs padding.
    const hasBlockBitmap = used.touches(group) || group === plan.groups - 1;
    const d: Descriptor = {
      blockBitmap: plan.blockBitmaps[group] ?? 0,
      inodeBitmap: plan.inodeBitmaps[group] ?? 0,
      inodeTable: plan.inodeTables[group] ?? 0,
      freeBlocks: free,
      freeInodes: plan.inodesPerGroup - inodesHere,
      directories: inodes.directories.get(group) ?? 0,
      flags:
        EXT4_BG_INODE_ZEROED |
        (hasBlockBitmap ? 0 : EXT4_BG_BLOCK_UNINIT) |
        (inodesHere > 0 ? 0 : EXT4_BG_INODE_UNINIT),
      blockBitmapSum: 0,
      inodeBitmapSum: 0,
    };
    if (hasBlockBitmap) {
      const data = used.bitmap(plan.geometry, group, plan.blocks);
      d.blockBitmapSum = crc32c(volumeSeed, data);
      bitmaps.push({ diskBlock: d.blockBitmap, data });
    }
    if (inodesHere > 0) {
      const data = inodeBitmap(inodesHere, plan.inodesPerGroup);
      d.inodeBitmapSum = crc32c(volumeSeed, data, 0, plan.inodesPerGroup / 8);
      bitmaps.push({ diskBlock: d.inodeBitmap, data });
    }
    encodeDescriptor(descriptors, group, d, volumeSeed);
    freeBlocks += free;
    freeInodes += d.freeInodes;
  }
  return { descriptors, bitmaps, freeBlocks, freeInodes };
}

interface Descriptor {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  readonly directories: number;
  readonly flags: number;
  blockBitmapSum: number;
  inodeBitmapSum: number;
}

function encodeDescriptor(table: Buffer, group: number, d: Descriptor, volumeSeed: number): void {
  const at = group * DESCRIPTOR_BYTES;
  const split32 = (value: number, low: number, high: number): void => {
    table.writeUInt32LE(value % 2 ** 32, at + low);
    table.writeUInt32LE(Math.floor(value / 2 ** 32), at + high);
  };
  const split16 = (value: number, low: number, high: number): void => {
    table.writeUInt16LE(value & 0xffff, at + low);
    table.writeUInt16LE(value >>> 16, at + high);
  };
  split32(d.blockBitmap, 0, 32); // bg_block_bitmap
  split32(d.inodeBitmap, 4, 36); // bg_inode_bitmap
  split32(d.inodeTable, 8, 40); // bg_inode_table
  split16(d.freeBlocks, 12, 44); // bg_free_blocks_count
  split16(d.freeInodes, 14, 46); // bg_free_inodes_count
  split16(d.directories, 16, 48); // bg_used_dirs_count
  table.writeUInt16LE(d.flags, at + 18);
  split16(d.blockBitmapSum, 24, 56); // bg_block_bitmap_csum
  split16(d.inodeBitmapSum, 26, 58); // bg_inode_bitmap_csum
  // Free inodes all stand behind those in use: none of them was ever used.
  split16(d.freeInodes, 28, 50); // bg_itable_unused
  const sum = crc32c(crc32cOfU32(volumeSeed, group), table, at, at + DESCRIPTOR_BYTES);
  table.writeUInt16LE(sum & 0xffff, at + 30); // bg_checksum
}

function inodeBitmap(used: number, inodesPerGroup: number): Buffer {
  const bitmap = Buffer.alloc(BLOCK_BYTES);
  setBits(bitmap, 0, used);
  setBits(bitmap, inodesPerGroup, 8 * BLOCK_BYTES - inodesPerGroup);
  return bitmap;
}
