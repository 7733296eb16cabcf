import type { DirectoryInode, Extent, Inode } from "../model/file-tree.ts";
import type { DataArea } from "./data-area.ts";
import { checkName, encodeSingleBlock, fitsOneBlock, type DirectoryEntry } from "./directory.ts";
import { buildExtentTree, diskExtents, extentTreeBlocks } from "./extent-tree.ts";
import { BLOCK_BYTES } from "./geometry.ts";
import type { NameHash } from "./half-md4.ts";
import { htreeBlocks } from "./htree.ts";
import {
  EXT4_EXTENTS_FL,
  EXT4_FIRST_INO,
  EXT4_INDEX_FL,
  EXT4_ROOT_INO,
  I_BLOCK_BYTES,
  inodeSeed,
} from "./inode-format.ts";
import { Numbering } from "./numbering.ts";
import {
  blockXattrs,
  checkLinks,
  countBlocks,
  encodeTarget,
  EXT4_LINK_MAX,
  isInline,
  isShort,
  placeInline,
  type Placement,
} from "./placement.ts";
import type { UsedBlocks } from "./used-blocks.ts";
import { encodeXattrBlock } from "./xattr.ts";

/** What a tree is laid out on. */
export interface Ground {
  readonly area: DataArea;
  readonly used: UsedBlocks;
  readonly volumeSeed: number;
  readonly hasher: NameHash;
  readonly signal: AbortSignal | undefined;
}

export interface TreeLayout {
  readonly rootPlacement: Placement;
  /** Inodes by number, from {@link EXT4_FIRST_INO} on. */
  readonly inodes: readonly Inode[];
  readonly lastInode: number;
  /** Of those that are not inline. */
  readonly placements: ReadonlyMap<number, Placement>;
}

/**
 * Numbers the tree's inodes, level by level and by name, and lays down all that is neither content nor inode:
 * directories, extent trees, long symlinks, attributes. Marks what is in use, contents too.
 *
 * @throws BangerError `EXT4_LIMIT` if something in the tree cannot be on ext4.
 */
export async function layOutTree(root: DirectoryInode, ground: Ground): Promise<TreeLayout> {
  const numbering = new Numbering(root);
  const placements = new Map<number, Placement>();
  const rootPlacement = await place(root, EXT4_ROOT_INO, numbering, ground);
  // Directories add their children at the list's end: it is the queue of a walk by levels.
  for (let i = 0; i < numbering.inodes.length; i += 1) {
    const inode = numbering.inodes[i] as Inode;
    if (inode.type === "file") ground.used.markExtents(inode.extents);
    if (isInline(inode)) continue;
    const ino = EXT4_FIRST_INO + i;
    placements.set(ino, await place(inode, ino, numbering, ground));
  }
  return { rootPlacement, inodes: numbering.inodes, lastInode: Math.max(numbering.last, 10), placements };
}

async function place(inode: Inode, ino: number, numbering: Numbering, ground: Ground): Promise<Placement> {
  ground.signal?.throwIfAborted();
  const placement = await placeContent(inode, ino, numbering, ground);
  const inBlock = blockXattrs(inode);
  if (inBlock.length === 0) return placement;
  const xattrBlock = await ground.area.append((at) => encodeXattrBlock(inBlock, at, ground.volumeSeed));
  ground.used.mark(xattrBlock, 1);
  return { ...placement, xattrBlock, blocks: placement.blocks + 1 };
}

async function placeContent(inode: Inode, ino: number, numbering: Numbering, ground: Ground): Promise<Placement> {
  if (inode.type === "directory") return placeDirectory(inode, ino, numbering, ground);
  if (inode.type === "file") {
    return {
      ...(await placeExtents(inode.extents, ino, ground)),
      sizeBytes: inode.size,
      links: checkLinks(inode.links),
    };
  }
  if (inode.type === "symlink" && !isShort(inode.target)) {
    const block = Buffer.alloc(BLOCK_BYTES);
    encodeTarget(inode.target, block);
    const diskBlock = await ground.area.append(() => block);
    ground.used.mark(diskBlock, 1);
    const extents = { fileBlock: 0, diskBlock, blocks: 1, next: undefined };
    const placed = await placeExtents(extents, ino, ground);
    return { ...placed, sizeBytes: inode.target.length, links: checkLinks(inode.links) };
  }
  return placeInline(inode, Buffer.alloc(I_BLOCK_BYTES));
}

async function placeDirectory(
  dir: DirectoryInode,
  ino: number,
  numbering: Numbering,
  ground: Ground,
): Promise<Placement> {
  const parentIno = numbering.parentOf(ino);
  const entries: DirectoryEntry[] = [];
  let subdirectories = 0;
  const children = numbering.entriesOf(dir);
  // By UTF-16 code units, which are bytes here.
  for (const name of [...children.keys()].sort()) {
    const inode = children.get(name);
    if (inode === undefined) continue;
    checkName(name);
    entries.push({ name, ino: numbering.numberOf(inode, ino), type: inode.type });
    if (inode.type === "directory") subdirectories += 1;
  }
  const at = { ino, parentIno, seed: inodeSeed(ground.volumeSeed, ino) };
  const single = fitsOneBlock(entries);
  const { area, used } = ground;
  area.beginFile();
  for (const block of single ? [encodeSingleBlock(entries, at)] : htreeBlocks(entries, at, ground.hasher)) {
    await area.write(block);
  }
  const { size, extents } = area.endFile();
  used.markExtents(extents);
  const placed = await placeExtents(extents, ino, ground);
  return {
    ...placed,
    flags: EXT4_EXTENTS_FL | (single ? 0 : EXT4_INDEX_FL),
    sizeBytes: size,
    links: 2 + subdirectories > EXT4_LINK_MAX ? 1 : 2 + subdirectories,
  };
}

/** Lays down the extent tree's blocks, if it needs any. Counts them and the data. */
async function placeExtents(
  first: Extent | undefined,
  ino: number,
  ground: Ground,
): Promise<Omit<Placement, "sizeBytes" | "links">> {
  const extents = diskExtents(first);
  const places = ground.area.upcoming(extentTreeBlocks(extents.length));
  const tree = buildExtentTree(extents, places, inodeSeed(ground.volumeSeed, ino));
  for (const block of tree.blocks) ground.used.mark(await ground.area.append(() => block), 1);
  return {
    iBlock: tree.root,
    flags: EXT4_EXTENTS_FL,
    blocks: countBlocks(first) + tree.blocks.length,
    xattrBlock: 0,
  };
}
