import type { FileHandle } from "node:fs/promises";
import { writeAll } from "./data-area.ts";
import { buildExtentTree, diskExtents } from "./extent-tree.ts";
import { BLOCK_BYTES, BLOCKS_PER_GROUP, hasSuperblock } from "./geometry.ts";
import { describeGroups } from "./group-descriptors.ts";
import type { VolumeIdentity } from "./identity.ts";
import {
  encodeInode,
  EXT4_EXTENTS_FL,
  EXT4_FIRST_INO,
  EXT4_JOURNAL_INO,
  EXT4_RESIZE_INO,
  EXT4_ROOT_INO,
  INODE_BYTES,
  INODE_TYPES,
  inodeSeed,
  isDirectory,
  type InodeFields,
} from "./inode-format.ts";
import { encodeJournalSuperblock } from "./journal.ts";
import { planResizeInode } from "./resize-inode.ts";
import { encodeSuperblock, SUPERBLOCK_OFFSET } from "./superblock.ts";
import type { TreeLayout } from "./tree-layout.ts";
import type { UsedBlocks } from "./used-blocks.ts";
import type { VolumePlan } from "./volume-plan.ts";

/** So many inodes are written at once: 1 MiB. */
const PIECE_INODES = 4096;

export interface Volume {
  readonly plan: VolumePlan;
  readonly layout: TreeLayout;
  /** Contents and what the tree's layout took; the rest is marked here. */
  readonly used: UsedBlocks;
  readonly identity: VolumeIdentity;
  readonly volumeSeed: number;
  readonly label: string;
  readonly timestampSeconds: number;
  readonly signal: AbortSignal | undefined;
}

/** Writes all that describes the volume; superblocks last. Tells what is left free. */
export async function writeMetadata(
  file: FileHandle,
  volume: Volume,
): Promise<{ freeBlocks: number; freeInodes: number }> {
  const { plan, used, layout } = volume;
  const resize = planResizeInode(plan);
  const journal = plan.journalBlocks === 0 ? undefined : await writeJournal(file, volume);
  for (const { diskBlock, data } of resize.blocks) await writeAll(file, data, diskBlock * BLOCK_BYTES);
  const special = new Map<number, InodeFields>([
    [EXT4_ROOT_INO, layout.root],
    [EXT4_RESIZE_INO, ownInode(volume, resize.iBlock, resize.sizeBytes, resize.heldBlocks, 0)],
  ]);
  if (journal) {
    const held = plan.journalBlocks + plan.journalTree.length;
    special.set(EXT4_JOURNAL_INO, ownInode(volume, journal.iBlock, journal.sizeBytes, held, EXT4_EXTENTS_FL));
  }
  const directories = await writeInodeTables(file, volume, special);

  used.mark(plan.resizeBlock, 1);
  used.markExtents(plan.journal);
  for (const block of plan.journalTree) used.mark(block, 1);
  for (let group = 0; group < plan.groups; group += 1) {
    used.mark(plan.blockBitmaps[group] ?? 0, 1);
    used.mark(plan.inodeBitmaps[group] ?? 0, 1);
    used.mark(plan.inodeTables[group] ?? 0, plan.inodeTableBlocks);
  }
  const { lastInode } = layout;
  const { descriptors, bitmaps, freeBlocks, freeInodes } = describeGroups(
    plan,
    used,
    { lastInode, directories },
    volume.volumeSeed,
  );
  for (const { diskBlock, data } of bitmaps) await writeAll(file, data, diskBlock * BLOCK_BYTES);

  for (let group = plan.groups - 1; group >= 0; group -= 1) {
    if (!hasSuperblock(group)) continue;
    volume.signal?.throwIfAborted();
    const superblock = encodeSuperblock({ ...volume, freeBlocks, freeInodes, journal }, group);
    const start = group * BLOCKS_PER_GROUP * BLOCK_BYTES;
    await writeAll(file, descriptors, start + BLOCK_BYTES);
    await writeAll(file, superblock, start + (group === 0 ? SUPERBLOCK_OFFSET : 0));
  }
  return { freeBlocks, freeInodes };
}

async function writeJournal(file: FileHandle, volume: Volume): Promise<{ iBlock: Buffer; sizeBytes: number }> {
  const { plan } = volume;
  const seed = inodeSeed(volume.volumeSeed, EXT4_JOURNAL_INO);
  const tree = buildExtentTree(diskExtents(plan.journal), plan.journalTree, seed);
  for (const [i, block] of tree.blocks.entries()) {
    await writeAll(file, block, (plan.journalTree[i] ?? 0) * BLOCK_BYTES);
  }
  const superblock = encodeJournalSuperblock(plan.journalBlocks, volume.identity.uuid);
  await writeAll(file, superblock, (plan.journal[0]?.diskBlock ?? 0) * BLOCK_BYTES);
  return { iBlock: tree.root, sizeBytes: plan.journalBlocks * BLOCK_BYTES };
}

/** Writes the tables' used parts, and counts the directories in each group. */
async function writeInodeTables(
  file: FileHandle,
  volume: Volume,
  special: ReadonlyMap<number, InodeFields>,
): Promise<Map<number, number>> {
  const { plan, layout } = volume;
  const directories = new Map<number, number>();
  const piece = Buffer.alloc(PIECE_INODES * INODE_BYTES);
  for (let first = 1; first <= layout.lastInode;) {
    volume.signal?.throwIfAborted();
    const group = Math.floor((first - 1) / plan.inodesPerGroup);
    const last = Math.min(layout.lastInode, (group + 1) * plan.inodesPerGroup, first + PIECE_INODES - 1);
    const table = piece.subarray(0, (last - first + 1) * INODE_BYTES).fill(0);
    for (const [ino, fields] of special) {
      if (ino >= first && ino <= last) {
        encodeInode(table, (ino - first) * INODE_BYTES, ino, volume.volumeSeed, fields);
      }
    }
    const from = Math.max(first, EXT4_FIRST_INO);
    if (from <= last) {
      const position = (from - EXT4_FIRST_INO) * INODE_BYTES;
      layout.inodes.readInto(table.subarray((from - first) * INODE_BYTES), position);
    }
    directories.set(group, (directories.get(group) ?? 0) + countDirectories(table));
    const start = (plan.inodeTables[group] ?? 0) * BLOCK_BYTES;
    await writeAll(file, table, start + ((first - 1) % plan.inodesPerGroup) * INODE_BYTES);
    first = last + 1;
  }
  return directories;
}

function countDirectories(table: Buffer): number {
  let count = 0;
  for (let at = 0; at < table.length; at += INODE_BYTES) if (isDirectory(table, at)) count += 1;
  return count;
}

/** An inode that only the file system itself uses. */
function ownInode(volume: Volume, iBlock: Buffer, sizeBytes: number, blocks: number, flags: number): InodeFields {
  return {
    mode: INODE_TYPES.file.mode | 0o600,
    uid: 0,
    gid: 0,
    sizeBytes,
    links: 1,
    blocks,
    flags,
    seconds: volume.timestampSeconds,
    nanoseconds: 0,
    createdSeconds: volume.timestampSeconds,
    iBlock,
    xattrBlock: 0,
  };
}
