import type { Extent } from "../model/inode.ts";
import { crc32c } from "./crc32c.ts";
import { BLOCK_BYTES } from "./geometry.ts";
import { I_BLOCK_BYTES } from "./inode-format.ts";

/** struct ext4_extent_header, ext4_extent and ext4_extent_idx (Linux, fs/ext4/ext4_extents.h): 12 bytes each. */
const ENTRY_BYTES = 12;
const EXT4_EXT_MAGIC = 0xf30a;
/** EXT_INIT_MAX_LEN: the most blocks of one written extent. */
const EXT_INIT_MAX_LEN = 32768;
/** Entries that the root in the inode holds, and a block (which ends in a checksum). */
const ROOT_ENTRIES = I_BLOCK_BYTES / ENTRY_BYTES - 1;
const BLOCK_ENTRIES = Math.floor((BLOCK_BYTES - ENTRY_BYTES - 4) / ENTRY_BYTES);
const CHECKSUM_OFFSET = ENTRY_BYTES + BLOCK_ENTRIES * ENTRY_BYTES;

/** A file's runs as extents that the format can express. */
export function diskExtents(runs: readonly Extent[]): readonly Extent[] {
  if (runs.every(({ blocks }) => blocks <= EXT_INIT_MAX_LEN)) return runs;
  const extents: Extent[] = [];
  for (const { fileBlock, diskBlock, blocks } of runs) {
    for (let done = 0; done < blocks; done += EXT_INIT_MAX_LEN) {
      const length = Math.min(EXT_INIT_MAX_LEN, blocks - done);
      extents.push({ fileBlock: fileBlock + done, diskBlock: diskBlock + done, blocks: length });
    }
  }
  return extents;
}

/** As many as {@link diskExtents} gives. */
export function countExtents(runs: readonly Extent[]): number {
  let count = 0;
  for (const { blocks } of runs) count += Math.ceil(blocks / EXT_INIT_MAX_LEN);
  return count;
}

/** How many blocks the tree needs besides its root. */
export function extentTreeBlocks(extents: number): number {
  let blocks = 0;
  for (let entries = extents; entries > ROOT_ENTRIES;) {
    entries = Math.ceil(entries / BLOCK_ENTRIES);
    blocks += entries;
  }
  return blocks;
}

export interface ExtentTree {
  /** For `i_block`. */
  readonly root: Buffer;
  /** What to write at each of the blocks given, in their order. */
  readonly blocks: readonly Buffer[];
}

/**
 * Builds the tree over a file's extents, leaves first.
 *
 * @param places as many block numbers as {@link extentTreeBlocks} says.
 * @param seed the inode's checksum seed.
 */
export function buildExtentTree(extents: readonly Extent[], places: readonly number[], seed: number): ExtentTree {
  const blocks: Buffer[] = [];
  let entries = extents;
  let depth = 0;
  while (entries.length > ROOT_ENTRIES) {
    const parents: Extent[] = [];
    for (let from = 0; from < entries.length; from += BLOCK_ENTRIES) {
      const part = entries.slice(from, from + BLOCK_ENTRIES);
      const diskBlock = places[blocks.length] ?? 0;
      parents.push({ fileBlock: part[0]?.fileBlock ?? 0, diskBlock, blocks: 0 });
      const node = Buffer.alloc(BLOCK_BYTES);
      encodeNode(node, part, depth, BLOCK_ENTRIES);
      node.writeUInt32LE(crc32c(seed, node, 0, CHECKSUM_OFFSET), CHECKSUM_OFFSET);
      blocks.push(node);
    }
    entries = parents;
    depth += 1;
  }
  const root = Buffer.alloc(I_BLOCK_BYTES);
  encodeNode(root, entries, depth, ROOT_ENTRIES);
  return { root, blocks };
}

/** Writes a tree that is no more than its root into an `i_block` of zeros. */
export function encodeShortTree(iBlock: Buffer, runs: readonly Extent[]): void {
  encodeNode(iBlock, diskExtents(runs), 0, ROOT_ENTRIES);
}

function encodeNode(node: Buffer, entries: readonly Extent[], depth: number, max: number): void {
  node.writeUInt16LE(EXT4_EXT_MAGIC, 0);
  node.writeUInt16LE(entries.length, 2);
  node.writeUInt16LE(max, 4);
  node.writeUInt16LE(depth, 6);
  let at = ENTRY_BYTES;
  for (const { fileBlock, diskBlock, blocks } of entries) {
    const low = diskBlock % 2 ** 32;
    const high = Math.floor(diskBlock / 2 ** 32);
    node.writeUInt32LE(fileBlock, at);
    if (depth === 0) {
      node.writeUInt16LE(blocks, at + 4);
      node.writeUInt16LE(high, at + 6);
      node.writeUInt32LE(low, at + 8);
    } else {
      node.writeUInt32LE(low, at + 4);
      node.writeUInt16LE(high, at + 8);
    }
    at += ENTRY_BYTES;
  }
}
