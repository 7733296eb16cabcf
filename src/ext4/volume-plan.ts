import { volumeFull } from "./data-area.ts";
import {
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  blocksBeforeHead,
  descriptorBlocks,
  groupCount,
  headBlocks,
  nextSuperblock,
  skipHead,
  type Geometry,
} from "./geometry.ts";
import { INODE_BYTES } from "./inode-format.ts";
import { diskExtents, extentTreeBlocks } from "./extent-tree.ts";
import type { Extent } from "../model/inode.ts";

/** `s_log_groups_per_flex` = 4: the bitmaps and inode tables of 16 groups stand together. */
export const LOG_GROUPS_PER_FLEX = 4;
const GROUPS_PER_FLEX = 2 ** LOG_GROUPS_PER_FLEX;
const INODES_PER_BLOCK = BLOCK_BYTES / INODE_BYTES;
/** One inode bitmap block. */
const MAX_INODES_PER_GROUP = 8 * BLOCK_BYTES;
/** mke2fs.conf: an inode for each 16 KiB; on "small" volumes, under 512 MiB, one for each 4 KiB. */
const BYTES_PER_INODE = 16384;
const SMALL_BLOCKS = (512 * 1024 ** 2) / BLOCK_BYTES;
const SMALL_BYTES_PER_INODE = 4096;
/** A last group with fewer blocks to offer than this is left off (ext2fs_initialize). */
const MIN_LAST_GROUP_BLOCKS = 50;

/** ext2fs_default_journal_size, in blocks of 4 KiB: volumes below `below` blocks get `journal`. */
const JOURNAL_SIZES = [
  { below: 2048, journal: 0 },
  { below: 32768, journal: 1024 },
  { below: 256 * 1024, journal: 4096 },
  { below: 512 * 1024, journal: 8192 },
  { below: 4096 * 1024, journal: 16384 },
  { below: 8192 * 1024, journal: 32768 },
  { below: 16384 * 1024, journal: 65536 },
  { below: 32768 * 1024, journal: 131072 },
  { below: Number.POSITIVE_INFINITY, journal: 262144 },
] as const;

export interface VolumeNeeds {
  readonly geometry: Geometry;
  /** Wished size; the volume is larger if the content asks for it. */
  readonly blocks: number;
  /** What the size may not pass. */
  readonly maxBlocks: number;
  /** Highest inode number in use. */
  readonly lastInode: number;
  /** First block behind contents and directories. */
  readonly firstFree: number;
  /** How many blocks there must be left to write to. */
  readonly minFreeBlocks: number;
}

/** Where everything stands. Block numbers, all of the volume's. */
export interface VolumePlan {
  readonly geometry: Geometry;
  readonly blocks: number;
  readonly groups: number;
  readonly descriptorBlocks: number;
  readonly reservedDescriptorBlocks: number;
  readonly inodesPerGroup: number;
  readonly inodeTableBlocks: number;
  /** One a group. */
  readonly blockBitmaps: Float64Array;
  readonly inodeBitmaps: Float64Array;
  readonly inodeTables: Float64Array;
  readonly journalBlocks: number;
  readonly journal: readonly Extent[];
  /** For the journal's extent tree, where it needs more than its inode holds. */
  readonly journalTree: readonly number[];
  /** The resize inode's double indirect block. */
  readonly resizeBlock: number;
}

/**
 * Places journal, bitmaps and inode tables behind the contents, in the smallest volume that is not below the size wished.
 *
 * @throws BangerError `EXT4_FULL` if even the largest allowed is too small.
 */
export function planVolume(needs: VolumeNeeds): VolumePlan {
  let blocks = wholeGroups(needs.geometry, needs.blocks);
  for (;;) {
    const { plan, end } = placeAll(needs, blocks);
    const missing = needs.minFreeBlocks - freeBlocks(plan, needs.firstFree);
    if (end <= blocks && missing <= 0) return plan;
    // Group by group at the end: a larger volume needs a little more for itself.
    const wanted = Math.max(end, blocks + Math.max(0, missing), blocks + 1);
    const larger = groupCount(wanted) * BLOCKS_PER_GROUP;
    if (larger > needs.maxBlocks) throw volumeFull(larger, needs.maxBlocks);
    blocks = larger;
  }
}

function placeAll(needs: VolumeNeeds, blocks: number): { plan: VolumePlan; end: number } {
  const { geometry } = needs;
  const groups = groupCount(blocks);
  const inodesPerGroup = chooseInodesPerGroup(blocks, groups, needs.lastInode);
  const inodeTableBlocks = inodesPerGroup / INODES_PER_BLOCK;
  const space = new Space(geometry, needs.firstFree);

  const resizeBlock = space.take(1);
  const journalBlocks = JOURNAL_SIZES.find(({ below }) => blocks < below)?.journal ?? 0;
  const journal = space.takeRuns(journalBlocks);
  const journalTree = Array.from({ length: extentTreeBlocks(diskExtents(journal).length) }, () => space.take(1));

  const blockBitmaps = new Float64Array(groups);
  const inodeBitmaps = new Float64Array(groups);
  const inodeTables = new Float64Array(groups);
  for (let first = 0; first < groups; first += GROUPS_PER_FLEX) {
    const last = Math.min(groups, first + GROUPS_PER_FLEX);
    // Not before the flex group itself: groups between stay empty, and need no bitmap of their own.
    space.advanceTo(first * BLOCKS_PER_GROUP);
    for (let g = first; g < last; g += 1) blockBitmaps[g] = space.take(1);
    for (let g = first; g < last; g += 1) inodeBitmaps[g] = space.take(1);
    for (let g = first; g < last; g += 1) inodeTables[g] = space.take(inodeTableBlocks);
  }
  const gdt = descriptorBlocks(blocks);
  const plan = {
    geometry,
    blocks,
    groups,
    descriptorBlocks: gdt,
    reservedDescriptorBlocks: geometry.descriptorSpan - gdt,
    inodesPerGroup,
    inodeTableBlocks,
    blockBitmaps,
    inodeBitmaps,
    inodeTables,
    journalBlocks,
    journal,
    journalTree,
    resizeBlock,
  };
  const inodeGroups = Math.ceil(inodesWanted(needs.lastInode) / MAX_INODES_PER_GROUP);
  return { plan, end: Math.max(space.end, (inodeGroups - 1) * BLOCKS_PER_GROUP + 1) };
}

/** What the plan leaves free, if all before `firstFree` is in use. */
function freeBlocks(plan: VolumePlan, firstFree: number): number {
  let taken = firstFree + 1 + plan.journalBlocks + plan.journalTree.length + plan.groups * (2 + plan.inodeTableBlocks);
  for (let group = nextSuperblock(Math.floor((firstFree - 1) / BLOCKS_PER_GROUP)); group < plan.groups;) {
    taken += headBlocks(plan.geometry, group);
    group = nextSuperblock(group);
  }
  return plan.blocks - taken;
}

/** The usual ratio, or more where the content has many small files. */
function chooseInodesPerGroup(blocks: number, groups: number, lastInode: number): number {
  const bytesPerInode = blocks < SMALL_BLOCKS ? SMALL_BYTES_PER_INODE : BYTES_PER_INODE;
  const usual = Math.ceil((blocks * BLOCK_BYTES) / bytesPerInode / groups);
  const needed = Math.ceil(inodesWanted(lastInode) / groups);
  return Math.min(MAX_INODES_PER_GROUP, roundUp(Math.max(usual, needed), INODES_PER_BLOCK));
}

/** Those in use and a quarter again. */
function inodesWanted(lastInode: number): number {
  return Math.ceil(lastInode * 1.25) + 64;
}

/** Leaves a last group off that would hold next to nothing. */
function wholeGroups(geometry: Geometry, blocks: number): number {
  const last = groupCount(blocks) - 1;
  const inLast = blocks - last * BLOCKS_PER_GROUP;
  return last > 0 && inLast < headBlocks(geometry, last) + MIN_LAST_GROUP_BLOCKS ? last * BLOCKS_PER_GROUP : blocks;
}

function roundUp(n: number, to: number): number {
  return Math.ceil(n / to) * to;
}

/** Free space, handed out in ascending order around the groups' heads. */
class Space {
  readonly #geometry: Geometry;
  #next: number;

  constructor(geometry: Geometry, next: number) {
    this.#geometry = geometry;
    this.#next = next;
  }

  /** First block that was not handed out. */
  get end(): number {
    return this.#next;
  }

  advanceTo(block: number): void {
    this.#next = Math.max(this.#next, block);
  }

  /** So many blocks in one run (fewer than a group has). */
  take(blocks: number): number {
    let first = skipHead(this.#geometry, this.#next);
    while (blocksBeforeHead(first) < blocks) {
      first = skipHead(this.#geometry, first + blocksBeforeHead(first));
    }
    this.#next = first + blocks;
    return first;
  }

  /** So many blocks in as few runs as heads allow. */
  takeRuns(blocks: number): Extent[] {
    const runs: Extent[] = [];
    for (let done = 0; done < blocks;) {
      const diskBlock = skipHead(this.#geometry, this.#next);
      const length = Math.min(blocks - done, blocksBeforeHead(diskBlock));
      runs.push({ fileBlock: done, diskBlock, blocks: length });
      this.#next = diskBlock + length;
      done += length;
    }
    return runs;
  }
}
