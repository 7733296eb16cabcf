import { BangerError } from "../lib/errors.ts";
import { displayName, type ByteString } from "../model/byte-string.ts";
import { crc32c, crc32cOfU32 } from "./crc32c.ts";
import { BLOCK_BYTES } from "./geometry.ts";
import { INODE_BYTES, INODE_XATTR_OFFSET } from "./inode-format.ts";
import { aclToDisk } from "./posix-acl.ts";

/** Attributes on disk: struct ext4_xattr_header, ext4_xattr_ibody_header, ext4_xattr_entry (Linux, fs/ext4/xattr.h). */
export const EXT4_XATTR_MAGIC = 0xea020000;
export const XATTR_ENTRY_BYTES = 16;
export const XATTR_BLOCK_HEADER_BYTES = 32;
const IBODY_HEADER_BYTES = 4;
/** Entries end with four zero bytes. */
const END_BYTES = 4;
const MAX_NAME_BYTES = 255;

/** `e_name_index`: prefixes that are stored as a number. The longer of two that match stands first. */
export const XATTR_PREFIXES: readonly { readonly index: number; readonly prefix: string; readonly whole: boolean }[] = [
  { index: 2, prefix: "system.posix_acl_access", whole: true },
  { index: 3, prefix: "system.posix_acl_default", whole: true },
  { index: 1, prefix: "user.", whole: false },
  { index: 4, prefix: "trusted.", whole: false },
  { index: 6, prefix: "security.", whole: false },
];

interface Entry {
  readonly index: number;
  /** Without the prefix. */
  readonly name: ByteString;
  readonly value: Buffer;
}

/** An inode's attributes, shared out. */
export interface XattrPlan {
  readonly inInode: readonly Entry[];
  readonly inBlock: readonly Entry[];
}

/** Whether ext4 has a place for an attribute of this name: Linux shows no others of a file on ext4. */
export function canHoldXattr(name: ByteString): boolean {
  return splitName(name) !== undefined;
}

/**
 * Shares attributes out between the inode's own 96 bytes and one block, in the order that Linux searches.
 *
 * @throws BangerError `EXT4_LIMIT` if they do not fit, or have a name that ext4 cannot hold.
 */
export function planXattrs(xattrs: ReadonlyMap<ByteString, Buffer>): XattrPlan {
  const entries = [...xattrs].map(([name, value]) => toEntry(name, value)).sort(byIndexLengthName);
  const inInode: Entry[] = [];
  const inBlock: Entry[] = [];
  let inodeRoom = INODE_BYTES - INODE_XATTR_OFFSET - IBODY_HEADER_BYTES - END_BYTES;
  let blockRoom = BLOCK_BYTES - XATTR_BLOCK_HEADER_BYTES - END_BYTES;
  for (const entry of entries) {
    const bytes = entryBytes(entry) + padded(entry.value.length);
    if (bytes <= inodeRoom) {
      inInode.push(entry);
      inodeRoom -= bytes;
    } else {
      inBlock.push(entry);
      blockRoom -= bytes;
    }
  }
  if (blockRoom < 0) {
    throw new BangerError("EXT4_LIMIT", {
      what: "a file has more extended attributes than ext4 can hold",
      why: `they are ${-blockRoom} bytes more than one block takes`,
      fix: "use an image whose files have fewer or shorter extended attributes",
    });
  }
  return { inInode, inBlock };
}

/** The area behind the inode's fixed fields; undefined when there is nothing for it. */
export function encodeInodeXattrs(entries: readonly Entry[]): Buffer | undefined {
  if (entries.length === 0) return undefined;
  const area = Buffer.alloc(INODE_BYTES - INODE_XATTR_OFFSET);
  area.writeUInt32LE(EXT4_XATTR_MAGIC, 0);
  // Values are placed relative to the first entry here, and no hashes are kept.
  encodeEntries(area.subarray(IBODY_HEADER_BYTES), 0, entries, () => 0);
  return area;
}

/** A block of attributes, which knows its own place. */
export function encodeXattrBlock(entries: readonly Entry[], diskBlock: number, volumeSeed: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.writeUInt32LE(EXT4_XATTR_MAGIC, 0);
  block.writeUInt32LE(1, 4); // h_refcount
  block.writeUInt32LE(1, 8); // h_blocks
  encodeEntries(block, XATTR_BLOCK_HEADER_BYTES, entries, entryHash);
  block.writeUInt32LE(blockHash(entries), 12);
  const seed = crc32cOfU32(crc32cOfU32(volumeSeed, diskBlock % 2 ** 32), Math.floor(diskBlock / 2 ** 32));
  block.writeUInt32LE(crc32c(seed, block), 16);
  return block;
}

/** Entries from `at` upwards, values from the end downwards. */
function encodeEntries(area: Buffer, at: number, entries: readonly Entry[], hashOf: (entry: Entry) => number): void {
  let end = area.length;
  let next = at;
  for (const entry of entries) {
    const { index, name, value } = entry;
    end -= padded(value.length);
    area.writeUInt8(name.length, next);
    area.writeUInt8(index, next + 1);
    area.writeUInt16LE(value.length === 0 ? 0 : end, next + 2);
    area.writeUInt32LE(value.length, next + 8);
    area.writeUInt32LE(hashOf(entry), next + 12);
    area.write(name, next + XATTR_ENTRY_BYTES, "latin1");
    value.copy(area, end);
    next += entryBytes(entry);
  }
}

/** ext4_xattr_hash_entry, with the name's bytes unsigned. */
function entryHash({ name, value }: Entry): number {
  let hash = 0;
  for (let i = 0; i < name.length; i += 1) hash = (hash << 5) ^ (hash >>> 27) ^ name.charCodeAt(i);
  const words = Buffer.alloc(padded(value.length));
  value.copy(words);
  for (let at = 0; at < words.length; at += 4) hash = (hash << 16) ^ (hash >>> 16) ^ words.readInt32LE(at);
  return hash >>> 0;
}

/** ext4_xattr_rehash: 0, "do not share", as soon as one entry has no hash. */
function blockHash(entries: readonly Entry[]): number {
  let hash = 0;
  for (const entry of entries) {
    const own = entryHash(entry);
    if (own === 0) return 0;
    hash = (hash << 16) ^ (hash >>> 16) ^ own;
  }
  return hash >>> 0;
}

function toEntry(name: ByteString, value: Buffer): Entry {
  const split = splitName(name);
  if (split === undefined) {
    throw new BangerError("EXT4_LIMIT", {
      what: `ext4 cannot hold the extended attribute ${displayName(name)}`,
      why: "its name must begin with user., trusted. or security., or be a POSIX ACL, and have at most 255 bytes",
      fix: "leave the attribute out of the image",
    });
  }
  const acl = split.index === 2 || split.index === 3;
  return { ...split, value: acl ? aclToDisk(value) : value };
}

function splitName(name: ByteString): { index: number; name: ByteString } | undefined {
  const known = XATTR_PREFIXES.find(({ prefix, whole }) => (whole ? name === prefix : name.startsWith(prefix)));
  if (known === undefined) return undefined;
  const rest = name.slice(known.prefix.length);
  if (rest.length > MAX_NAME_BYTES || rest.includes("\0") || (rest === "" && !known.whole)) return undefined;
  return { index: known.index, name: rest };
}

/** How Linux orders a block, and finds in it: by index, then length of name, then its bytes. */
function byIndexLengthName(a: Entry, b: Entry): number {
  return a.index - b.index || a.name.length - b.name.length || (a.name < b.name ? -1 : 1);
}

function entryBytes(entry: Entry): number {
  return XATTR_ENTRY_BYTES + padded(entry.name.length);
}

function padded(bytes: number): number {
  return (bytes + 3) & ~3;
}
