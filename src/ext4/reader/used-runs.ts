import type { SuperblockFields } from "./superblock-fields.ts";

/** Blocks that are in use, one behind another. */
export interface UsedRun {
  readonly block: number;
  readonly blocks: number;
}

export interface GroupReader {
  readonly sb: SuperblockFields;
  /** The descriptor of a group (struct ext4_group_desc). */
  descriptor(group: number): Promise<Buffer>;
  /** One block, its number checked. */
  block(diskBlock: number): Promise<Buffer>;
}

const EXT4_BG_INODE_UNINIT = 0x1;
const EXT4_BG_BLOCK_UNINIT = 0x2;
/** A damaged bitmap can make runs of one block each; more than this at once are not kept. */
const MAX_RUNS_IN_GROUP = 8 * 65536;

/**
 * What of a volume a copy must have: what its block bitmaps call used, and the tables that the descriptors name. A group
 * without a bitmap (BLOCK_UNINIT) may hold a copy of superblock and descriptors at its start; inode tables that were never
 * used (INODE_UNINIT) read as zeros. Groups in order; a run may be told of more than once.
 *
 * @throws BangerError `EXT4_INVALID` for descriptors that point out of the volume.
 */
export async function* usedRuns(reader: GroupReader): AsyncGenerator<UsedRun> {
  const { sb } = reader;
  // With blocks of 1 KiB the first group begins behind the boot block.
  if (sb.firstDataBlock > 0) yield { block: 0, blocks: sb.firstDataBlock };
  const groups = Math.ceil((sb.blocks - sb.firstDataBlock) / sb.blocksPerGroup);
  const tableBlocks = Math.ceil((sb.inodesPerGroup * sb.inodeBytes) / sb.blockBytes);
  const headBlocks = 1 + Math.ceil((groups * sb.descriptorBytes) / sb.blockBytes) + sb.reservedDescriptorBlocks;
  for (let group = 0; group < groups; group += 1) {
    const first = sb.firstDataBlock + group * sb.blocksPerGroup;
    const blocks = Math.min(sb.blocksPerGroup, sb.blocks - first);
    const descriptor = await reader.descriptor(group);
    const flags = sb.hasGroupFlags ? descriptor.readUInt16LE(18) : 0;
    const [blockBitmap, inodeBitmap, inodeTable] = [
      place(descriptor, 0, 32),
      place(descriptor, 4, 36),
      place(descriptor, 8, 40),
    ];
    if ((flags & EXT4_BG_BLOCK_UNINIT) === 0) {
      yield { block: blockBitmap, blocks: 1 };
      yield* bitmapRuns(await reader.block(blockBitmap), first, blocks);
    } else yield { block: first, blocks: Math.min(headBlocks, blocks) };
    if ((flags & EXT4_BG_INODE_UNINIT) === 0) {
      yield { block: inodeBitmap, blocks: 1 };
      yield { block: inodeTable, blocks: tableBlocks };
    }
  }
}

function place(descriptor: Buffer, low: number, high: number): number {
  return descriptor.readUInt32LE(low) + (descriptor.length >= 64 ? descriptor.readUInt32LE(high) * 2 ** 32 : 0);
}

/** Stretches of set bits, the lowest of each byte first. */
function bitmapRuns(bitmap: Buffer, first: number, blocks: number): readonly UsedRun[] {
  const runs: UsedRun[] = [];
  let start: number | undefined;
  for (let bit = 0; bit <= blocks; bit += 1) {
    const byte = bitmap[bit >>> 3] ?? 0;
    const used = bit < blocks && (byte & (1 << (bit & 7))) !== 0;
    if (used && start === undefined) start = bit;
    if (!used && start !== undefined) {
      if (runs.length === MAX_RUNS_IN_GROUP) return [{ block: first, blocks }];
      runs.push({ block: first + start, blocks: bit - start });
      start = undefined;
    }
    // Whole bytes of nothing are most of an empty volume.
    if (byte === 0 && start === undefined && (bit & 7) === 0) bit += 7;
  }
  return runs;
}
