import { BLOCK_BYTES, BLOCKS_PER_GROUP, nextSuperblock } from "./geometry.ts";
import type { VolumePlan } from "./volume-plan.ts";

/** Block numbers in an indirect block: EXT2_ADDR_PER_BLOCK. */
const ADDRESSES = BLOCK_BYTES / 4;
const EXT2_NDIR_BLOCKS = 12;
const EXT2_DIND_BLOCK = 13;

export interface ResizeInode {
  readonly iBlock: Buffer;
  readonly sizeBytes: number;
  /** Blocks that it holds: its double indirect block, and all that is reserved in all groups. */
  readonly heldBlocks: number;
  readonly blocks: readonly { readonly diskBlock: number; readonly data: Buffer }[];
}

/**
 * The inode that owns the blocks reserved for more group descriptors, so that a mounted volume can grow
 * (ext2fs_create_resize_inode; Linux, fs/ext4/resize.c). Its double indirect block names the reserved blocks of
 * group 0; each of those names its copies.
 */
export function planResizeInode(plan: VolumePlan): ResizeInode {
  const copies: number[] = [];
  for (let group = 1; group < plan.groups; group = nextSuperblock(group)) copies.push(group * BLOCKS_PER_GROUP);

  const doubleIndirect = Buffer.alloc(BLOCK_BYTES);
  const blocks = [{ diskBlock: plan.resizeBlock, data: doubleIndirect }];
  for (let i = 0; i < plan.reservedDescriptorBlocks; i += 1) {
    const position = plan.descriptorBlocks + i;
    const diskBlock = 1 + position;
    doubleIndirect.writeUInt32LE(diskBlock, (position % ADDRESSES) * 4);
    const data = Buffer.alloc(BLOCK_BYTES);
    copies.forEach((groupStart, n) => data.writeUInt32LE(groupStart + diskBlock, n * 4));
    // Without copies the block is all zeros, as a hole is.
    if (copies.length > 0) blocks.push({ diskBlock, data });
  }
  const iBlock = Buffer.alloc(60);
  iBlock.writeUInt32LE(plan.resizeBlock, EXT2_DIND_BLOCK * 4);
  return {
    iBlock,
    sizeBytes: (EXT2_NDIR_BLOCKS + ADDRESSES + ADDRESSES ** 2) * BLOCK_BYTES,
    heldBlocks: 1 + plan.reservedDescriptorBlocks * (1 + copies.length),
    blocks,
  };
}
