/**
 * Where the fixed parts of a volume lie: superblock, group descriptors and room for more of them, and their copies.
 *
 * File contents arrive before anyone knows how many files there will be. So only this is settled beforehand, from
 * the volume's size alone; bitmaps, inode tables and journal are placed at the end (flex_bg lets them lie anywhere).
 */

/** The one block size we write. */
export const BLOCK_BYTES = 4096;
/** One bitmap block has a bit for each block of its group. */
export const BLOCKS_PER_GROUP = 8 * BLOCK_BYTES;
/** `s_desc_size` with INCOMPAT_64BIT. */
export const DESCRIPTOR_BYTES = 64;
export const DESCRIPTORS_PER_BLOCK = BLOCK_BYTES / DESCRIPTOR_BYTES;
/** 16 TiB: the resize inode has 32-bit block numbers. */
export const MAX_BLOCKS = 2 ** 32;
/** The resize inode's double indirect block names each reserved descriptor block: EXT2_ADDR_PER_BLOCK. */
const MAX_RESERVED_GDT_BLOCKS = BLOCK_BYTES / 4;
/** Volumes up to here can grow to it; larger ones 16-fold. Each reserved block is one that must be written. */
const GROWTH_BLOCKS = 2 ** 40 / BLOCK_BYTES;

export interface Geometry {
  /** Blocks of group descriptors and reserved ones, behind each superblock. Fixed, whatever size the volume gets. */
  readonly descriptorSpan: number;
}

/** Reserves descriptor room for 1024-fold growth up to 1 TiB, and for 16-fold growth past that, up to 16 TiB. */
export function planGeometry(totalBlocks: number): Geometry {
  const target = Math.min(MAX_BLOCKS, Math.max(totalBlocks * 16, Math.min(totalBlocks * 1024, GROWTH_BLOCKS)));
  const now = descriptorBlocks(totalBlocks);
  const reserved = Math.min(MAX_RESERVED_GDT_BLOCKS, Math.max(1, descriptorBlocks(target) - now));
  return { descriptorSpan: now + reserved };
}

/** The largest volume that this room for descriptors can describe, with one block left in reserve. */
export function largestVolume(geometry: Geometry): number {
  return Math.min(MAX_BLOCKS, (geometry.descriptorSpan - 1) * DESCRIPTORS_PER_BLOCK * BLOCKS_PER_GROUP);
}

export function groupCount(totalBlocks: number): number {
  return Math.ceil(totalBlocks / BLOCKS_PER_GROUP);
}

/** Blocks that the descriptors of all groups fill. */
export function descriptorBlocks(totalBlocks: number): number {
  return Math.ceil(groupCount(totalBlocks) / DESCRIPTORS_PER_BLOCK);
}

/** RO_COMPAT_SPARSE_SUPER: groups 0, 1 and the powers of 3, 5 and 7 hold a superblock. */
export function hasSuperblock(group: number): boolean {
  return group <= 1 || nextSuperblock(group - 1) === group;
}

/** The first group behind `group` that holds a superblock. */
export function nextSuperblock(group: number): number {
  return group < 1 ? 1 : Math.min(nextPower(3, group), nextPower(5, group), nextPower(7, group));
}

/** Blocks that superblock and descriptors take at the start of this group. */
export function headBlocks(geometry: Geometry, group: number): number {
  return hasSuperblock(group) ? 1 + geometry.descriptorSpan : 0;
}

/** The first block from `block` on that is in no group's head. */
export function skipHead(geometry: Geometry, block: number): number {
  const group = Math.floor(block / BLOCKS_PER_GROUP);
  return Math.max(block, group * BLOCKS_PER_GROUP + headBlocks(geometry, group));
}

/** How many blocks from `block` on (which is in no head) lie before the next head. */
export function blocksBeforeHead(block: number): number {
  return nextSuperblock(Math.floor(block / BLOCKS_PER_GROUP)) * BLOCKS_PER_GROUP - block;
}

/** The smallest power of `base` past `n`. */
function nextPower(base: number, n: number): number {
  let power = base;
  while (power <= n) power *= base;
  return power;
}
