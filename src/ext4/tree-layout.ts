import type { ScratchFile } from "../lib/scratch-file.ts";
import type { FileTree, InodeId } from "../model/file-tree.ts";
import type { Extent, Inode } from "../model/inode.ts";
import type { DataArea } from "./data-area.ts";
import { checkName, encodeSingleBlock, fitsOneBlock } from "./directory.ts";
import { buildExtentTree, diskExtents, extentTreeBlocks } from "./extent-tree.ts";
import { BLOCK_BYTES } from "./geometry.ts";
import type { NameHash } from "./half-md4.ts";
import { htreeBlocks } from "./htree.ts";
import {
  encodeInode,
  EXT4_EXTENTS_FL,
  EXT4_INDEX_FL,
  I_BLOCK_BYTES,
  INODE_BYTES,
  inodeSeed,
  type InodeFields,
} from "./inode-format.ts";
import { NONE, Numbering } from "./numbering.ts";
import {
  blockXattrs,
  checkLinks,
  countBlocks,
  encodeTarget,
  EXT4_LINK_MAX,
  inodeFields,
  isInline,
  isShort,
  placeInline,
  type Placement,
} from "./placement.ts";
import type { UsedBlocks } from "./used-blocks.ts";
import { encodeXattrBlock } from "./xattr.ts";

/** So many bytes of inodes are put away at once. */
const TABLE_BYTES = 256 * INODE_BYTES;

/** What a tree is laid out on. */
export interface Ground {
  readonly area: DataArea;
  readonly used: UsedBlocks;
  readonly volumeSeed: number;
  readonly hasher: NameHash;
  /** When the inodes are to have been created, in seconds since 1970. */
  readonly createdSeconds: number;
  /** Takes the inodes until it is known where their tables will stand. Nobody else uses it. */
  readonly scratch: ScratchFile;
  readonly signal: AbortSignal | undefined;
}

export interface TreeLayout {
  readonly root: InodeFields;
  /** All others as they stand in the tables, {@link INODE_BYTES} each, from {@link EXT4_FIRST_INO} on. */
  readonly inodes: ScratchFile;
  readonly lastInode: number;
}

/**
 * Numbers the tree's inodes, and lays down all that is neither content nor inode: directories, extent trees, long
 * symlinks, attributes. Marks what is in use, contents too.
 *
 * @throws BangerError `EXT4_LIMIT` if something in the tree cannot be on ext4.
 */
export async function layOutTree(tree: FileTree, ground: Ground): Promise<TreeLayout> {
  const { used, scratch, volumeSeed, createdSeconds } = ground;
  const numbering = new Numbering(tree);
  const site = { ...ground, tree, numbering };
  const rootInode = tree.read(tree.root);
  const root = inodeFields(rootInode, await place(tree.root, rootInode, site), createdSeconds);
  // An inode has no buffers of its own: they would cost more than all else that is made for it.
  const table = Buffer.alloc(TABLE_BYTES);
  let filled = 0;
  const iBlock = Buffer.alloc(I_BLOCK_BYTES);
  for (let id = numbering.first; id !== NONE; id = numbering.after(id)) {
    const inode = tree.read(id);
    if (inode.type === "file") used.markExtents(inode.extents);
    const placement = isInline(inode)
      ? placeInline(inode, tree.linksOf(id), iBlock.fill(0))
      : await place(id, inode, site);
    const fields = inodeFields(inode, placement, createdSeconds);
    encodeInode(table, filled, numbering.numberOf(id), volumeSeed, fields);
    filled += INODE_BYTES;
    if (filled < TABLE_BYTES) continue;
    scratch.append(table);
    table.fill(0);
    filled = 0;
  }
  scratch.append(table.subarray(0, filled));
  return { root, inodes: scratch, lastInode: numbering.last };
}

interface Site extends Ground {
  readonly tree: FileTree;
  readonly numbering: Numbering;
}

async function place(id: InodeId, inode: Inode, site: Site): Promise<Placement> {
  site.signal?.throwIfAborted();
  const placement = await placeContent(id, inode, site);
  const inBlock = blockXattrs(inode);
  if (inBlock.length === 0) return placement;
  const xattrBlock = await site.area.append((at) => encodeXattrBlock(inBlock, at, site.volumeSeed));
  site.used.mark(xattrBlock, 1);
  return { ...placement, xattrBlock, blocks: placement.blocks + 1 };
}

async function placeContent(id: InodeId, inode: Inode, site: Site): Promise<Placement> {
  if (inode.type === "directory") return placeDirectory(id, site);
  const links = site.tree.linksOf(id);
  if (inode.type === "file") {
    return { ...(await placeExtents(inode.extents, id, site)), sizeBytes: inode.size, links: checkLinks(links) };
  }
  if (inode.type === "symlink" && !isShort(inode.target)) {
    const block = Buffer.alloc(BLOCK_BYTES);
    encodeTarget(inode.target, block);
    const diskBlock = await site.area.append(() => block);
    site.used.mark(diskBlock, 1);
    const placed = await placeExtents([{ fileBlock: 0, diskBlock, blocks: 1 }], id, site);
    return { ...placed, sizeBytes: inode.target.length, links: checkLinks(links) };
  }
  return placeInline(inode, links, Buffer.alloc(I_BLOCK_BYTES));
}

async function placeDirectory(id: InodeId, site: Site): Promise<Placement> {
  const { numbering, area, used } = site;
  const ino = numbering.numberOf(id);
  const at = { ino, parentIno: numbering.parentOf(id), seed: inodeSeed(site.volumeSeed, ino) };
  const entries = numbering.entriesOf(id);
  let links = 2;
  for (let i = 0; i < entries.length; i += 1) {
    const { name, type } = entries.at(i);
    checkName(name);
    if (type === "directory") links += 1;
  }
  const single = fitsOneBlock(entries);
  area.beginFile();
  for (const block of single ? [encodeSingleBlock(entries, at)] : htreeBlocks(entries, at, site.hasher)) {
    await area.write(block);
  }
  const { size, extents } = area.endFile();
  used.markExtents(extents);
  return {
    ...(await placeExtents(extents, id, site)),
    flags: EXT4_EXTENTS_FL | (single ? 0 : EXT4_INDEX_FL),
    sizeBytes: size,
    links: links > EXT4_LINK_MAX ? 1 : links,
  };
}

/** Lays down the extent tree's blocks, if it needs any. Counts them and the data. */
async function placeExtents(
  runs: readonly Extent[],
  id: InodeId,
  site: Site,
): Promise<Omit<Placement, "sizeBytes" | "links">> {
  const extents = diskExtents(runs);
  const places = site.area.upcoming(extentTreeBlocks(extents.length));
  const tree = buildExtentTree(extents, places, inodeSeed(site.volumeSeed, site.numbering.numberOf(id)));
  for (const block of tree.blocks) site.used.mark(await site.area.append(() => block), 1);
  return {
    iBlock: tree.root,
    flags: EXT4_EXTENTS_FL,
    blocks: countBlocks(runs) + tree.blocks.length,
    xattrBlock: 0,
  };
}
