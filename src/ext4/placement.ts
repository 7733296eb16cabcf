import { BangerError } from "../lib/errors.ts";
import type { ByteString } from "../model/byte-string.ts";
import type { DirectoryInode, Extent, Inode } from "../model/inode.ts";
import { countExtents, encodeShortTree, extentTreeBlocks } from "./extent-tree.ts";
import { BLOCK_BYTES } from "./geometry.ts";
import {
  encodeDevice,
  EXT4_EXTENTS_FL,
  INODE_TYPES,
  MAX_MAJOR,
  MAX_MINOR,
  type InodeFields,
  I_BLOCK_BYTES,
} from "./inode-format.ts";
import { encodeInodeXattrs, planXattrs, type XattrPlan } from "./xattr.ts";

/** EXT4_LINK_MAX, of files; directories pass it (RO_COMPAT_DIR_NLINK). */
export const EXT4_LINK_MAX = 65000;
const MAX_SYMLINK_BYTES = BLOCK_BYTES - 1;

/** What an inode's place in the volume adds to what the tree says of it. */
export type Placement = Pick<InodeFields, "iBlock" | "flags" | "sizeBytes" | "links" | "blocks" | "xattrBlock">;

/** Whether an inode can be told from the tree alone: it needs no block besides its content. */
export function isInline(inode: Inode): inode is Exclude<Inode, DirectoryInode> {
  if (inode.type === "directory" || blockXattrs(inode).length > 0) return false;
  if (inode.type === "symlink") return isShort(inode.target);
  return inode.type !== "file" || hasFewExtents(inode.extents);
}

/**
 * The placement of an inode that {@link isInline}.
 *
 * @param links how many names it has.
 * @param iBlock {@link I_BLOCK_BYTES} zeros to write its `i_block` into.
 * @throws BangerError `EXT4_LIMIT` if it cannot be on ext4.
 */
export function placeInline(inode: Exclude<Inode, DirectoryInode>, links: number, iBlock: Buffer): Placement {
  let [flags, sizeBytes, blocks] = [0, 0, 0];
  if (inode.type === "file") {
    encodeShortTree(iBlock, inode.extents);
    [flags, sizeBytes, blocks] = [EXT4_EXTENTS_FL, inode.size, countBlocks(inode.extents)];
  } else if (inode.type === "symlink") {
    encodeTarget(inode.target, iBlock);
    sizeBytes = inode.target.length;
  } else if (inode.type === "char" || inode.type === "block") {
    encodeDevice(checkMajor(inode.major), checkMinor(inode.minor)).copy(iBlock);
  }
  return { iBlock, flags, sizeBytes, links: checkLinks(links), blocks, xattrBlock: 0 };
}

/** The attributes that the inode has no room for. */
export function blockXattrs(inode: Inode): XattrPlan["inBlock"] {
  return inode.xattrs === undefined ? [] : planXattrs(inode.xattrs).inBlock;
}

/** Whether a link's target fits where others have their extents. */
export function isShort(target: ByteString): boolean {
  return target.length < I_BLOCK_BYTES;
}

function hasFewExtents(extents: readonly Extent[]): boolean {
  return extentTreeBlocks(countExtents(extents)) === 0;
}

/** All that is written of an inode. */
export function inodeFields(inode: Inode, placement: Placement, createdSeconds: number): InodeFields {
  return {
    ...placement,
    mode: INODE_TYPES[inode.type].mode | (inode.mode & 0o7777),
    uid: inode.uid,
    gid: inode.gid,
    seconds: inode.mtimeSeconds,
    nanoseconds: inode.mtimeNanoseconds,
    createdSeconds,
    xattrs: inode.xattrs && encodeInodeXattrs(planXattrs(inode.xattrs).inInode),
  };
}

export function countBlocks(extents: readonly Extent[]): number {
  let blocks = 0;
  for (const extent of extents) blocks += extent.blocks;
  return blocks;
}

/** Writes a link's target into a block, or into an `i_block`. */
export function encodeTarget(target: ByteString, into: Buffer): void {
  if (target.length === 0 || target.length > MAX_SYMLINK_BYTES || target.includes("\0")) {
    throw limit(
      "a symbolic link",
      `its target has ${target.length} bytes (1 to ${MAX_SYMLINK_BYTES} without zero bytes)`,
    );
  }
  into.write(target, "latin1");
}

export function checkLinks(links: number): number {
  if (links > EXT4_LINK_MAX) throw limit("a file", `it has ${links} names, and ${EXT4_LINK_MAX} are possible`);
  return links;
}

function checkMajor(major: number): number {
  if (major > MAX_MAJOR) throw limit("a device", `its major number ${major} is past ${MAX_MAJOR}`);
  return major;
}

function checkMinor(minor: number): number {
  if (minor > MAX_MINOR) throw limit("a device", `its minor number ${minor} is past ${MAX_MINOR}`);
  return minor;
}

function limit(subject: string, why: string): BangerError {
  return new BangerError("EXT4_LIMIT", { what: `ext4 cannot hold ${subject}`, why, fix: "use an image without it" });
}
