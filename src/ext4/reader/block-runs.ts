import { damaged } from "./disk.ts";
import type { Ext4Stat } from "./inode-fields.ts";

/** A run of a file's blocks on disk. What lies between runs is zeros. */
export interface BlockRun {
  readonly fileBlock: number;
  readonly diskBlock: number;
  readonly blocks: number;
}

export type ReadBlock = (diskBlock: number) => Promise<Buffer>;

const EXT4_EXT_MAGIC = 0xf30a;
const ENTRY_BYTES = 12;
/** EXT4_MAX_EXTENT_DEPTH */
const MAX_DEPTH = 5;
const WHOLE_FILE: Where = { from: 0, to: 2 ** 32, maxDepth: MAX_DEPTH, isRoot: true };
/** An extent longer than this is one that was set aside and reads as zeros; its length is what is past it. */
const EXT_INIT_MAX_LEN = 32768;
const EXT4_NDIR_BLOCKS = 12;

/**
 * A file's runs, in ascending order, however its inode describes them.
 *
 * @throws BangerError `EXT4_INVALID` if they are not in order: so a walk over them ends, whatever they say.
 */
export async function* blockRuns(inode: Ext4Stat, blockBytes: number, read: ReadBlock): AsyncGenerator<BlockRun> {
  let next = 0;
  const runs = inode.usesExtents ? extentRuns(inode.iBlock, read, WHOLE_FILE) : mappedRuns(inode, blockBytes, read);
  for await (const run of runs) {
    if (run.fileBlock < next) throw damaged(`the blocks of inode ${inode.ino} are not in order`);
    next = run.fileBlock + run.blocks;
    yield run;
  }
}

/**
 * A node of an extent tree, which tells of the file's blocks in `[from, to)`. That each node tells of blocks that no
 * other tells of, and of one at least, keeps a walk from being longer than the tree is large.
 */
async function* extentRuns(node: Buffer, read: ReadBlock, where: Where): AsyncGenerator<BlockRun> {
  const [entries, depth] = [node.readUInt16LE(2), node.readUInt16LE(6)];
  if (node.readUInt16LE(0) !== EXT4_EXT_MAGIC) throw damaged("an extent tree has no magic number");
  if (depth > where.maxDepth || ENTRY_BYTES * (entries + 1) > node.length || (entries === 0 && !where.isRoot)) {
    throw damaged("an extent tree is malformed");
  }
  let next = where.from;
  for (let i = 1; i <= entries; i += 1) {
    const at = ENTRY_BYTES * i;
    const fileBlock = node.readUInt32LE(at);
    const to = i < entries ? node.readUInt32LE(at + ENTRY_BYTES) : where.to;
    if (fileBlock < next || to <= fileBlock || to > where.to) throw damaged("an extent tree is not in order");
    next = to;
    if (depth > 0) {
      const child = node.readUInt32LE(at + 4) + node.readUInt16LE(at + 8) * 2 ** 32;
      yield* extentRuns(await read(child), read, { from: fileBlock, to, maxDepth: depth - 1, isRoot: false });
    } else {
      const length = node.readUInt16LE(at + 4);
      const blocks = length > EXT_INIT_MAX_LEN ? length - EXT_INIT_MAX_LEN : length;
      if (blocks === 0 || fileBlock + blocks > to) throw damaged("an extent is too long");
      const diskBlock = node.readUInt32LE(at + 8) + node.readUInt16LE(at + 6) * 2 ** 32;
      if (length <= EXT_INIT_MAX_LEN) yield { fileBlock, diskBlock, blocks };
    }
  }
}

interface Where {
  readonly from: number;
  readonly to: number;
  readonly maxDepth: number;
  readonly isRoot: boolean;
}

/** ext2's and ext3's way: twelve blocks, then blocks of block numbers, up to three levels deep. */
async function* mappedRuns(inode: Ext4Stat, blockBytes: number, read: ReadBlock): AsyncGenerator<BlockRun> {
  const end = Math.ceil(inode.sizeBytes / blockBytes);
  const perBlock = blockBytes / 4;
  for (let i = 0; i < EXT4_NDIR_BLOCKS && i < end; i += 1) {
    const diskBlock = inode.iBlock.readUInt32LE(4 * i);
    if (diskBlock !== 0) yield { fileBlock: i, diskBlock, blocks: 1 };
  }
  let start = EXT4_NDIR_BLOCKS;
  for (let level = 1; level <= 3 && start < end; level += 1) {
    const root = inode.iBlock.readUInt32LE(4 * (EXT4_NDIR_BLOCKS + level - 1));
    if (root !== 0) yield* indirectRuns(root, level, start, end, perBlock, read);
    start += perBlock ** level;
  }
}

async function* indirectRuns(
  block: number,
  level: number,
  start: number,
  end: number,
  perBlock: number,
  read: ReadBlock,
): AsyncGenerator<BlockRun> {
  const numbers = await read(block);
  const step = perBlock ** (level - 1);
  for (let i = 0; i < perBlock && start + i * step < end; i += 1) {
    const diskBlock = numbers.readUInt32LE(4 * i);
    if (diskBlock === 0) continue;
    if (level > 1) yield* indirectRuns(diskBlock, level - 1, start + i * step, end, perBlock, read);
    else yield { fileBlock: start + i, diskBlock, blocks: 1 };
  }
}
