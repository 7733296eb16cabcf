import { BangerError } from "../lib/errors.ts";
import { displayName, type ByteString } from "../model/byte-string.ts";
import type { InodeType } from "../model/inode.ts";
import { crc32c } from "./crc32c.ts";
import { BLOCK_BYTES } from "./geometry.ts";
import { INODE_TYPES } from "./inode-format.ts";

/** struct ext4_dir_entry_2 (Linux, fs/ext4/ext4.h): inode, rec_len, name_len, file_type, name; padded to 4 bytes. */
export const ENTRY_HEADER_BYTES = 8;
/** struct ext4_dir_entry_tail: looks like an unused entry, and holds the block's checksum. */
const TAIL_BYTES = 12;
const EXT4_FT_DIR_CSUM = 0xde;
/** Room for entries in one block. */
export const LEAF_BYTES = BLOCK_BYTES - TAIL_BYTES;
/** `.` and `..` as they stand at the start of a directory. */
export const DOTS_BYTES = 24;
const MAX_NAME_BYTES = 255;

export interface DirectoryEntry {
  readonly name: ByteString;
  readonly ino: number;
  readonly type: InodeType;
}

/** A directory's entries. Not an array: those of a large one are made when they are asked for. */
export interface EntryList {
  readonly length: number;
  at(index: number): DirectoryEntry;
}

/** Who a directory is: its own inode and its parent's. */
export interface DirectoryPlace {
  readonly ino: number;
  readonly parentIno: number;
  /** Checksum seed of its inode. */
  readonly seed: number;
}

/** Bytes that an entry of this name takes. */
export function recordBytes(name: ByteString): number {
  return (ENTRY_HEADER_BYTES + name.length + 3) & ~3;
}

/** Whether all entries fit into one block, so that no index is needed. */
export function fitsOneBlock(entries: EntryList): boolean {
  let bytes = DOTS_BYTES;
  for (let i = 0; i < entries.length && bytes <= LEAF_BYTES; i += 1) bytes += recordBytes(entries.at(i).name);
  return bytes <= LEAF_BYTES;
}

/** A directory of one block. */
export function encodeSingleBlock(entries: EntryList, place: DirectoryPlace): Buffer {
  const all: DirectoryEntry[] = [
    { name: ".", ino: place.ino, type: "directory" },
    { name: "..", ino: place.parentIno, type: "directory" },
  ];
  for (let i = 0; i < entries.length; i += 1) all.push(entries.at(i));
  const block = Buffer.alloc(BLOCK_BYTES);
  fillLeaf(block, all, place.seed);
  return block;
}

/** Fills a zeroed block with entries and seals it with its checksum. The last entry reaches to the tail. */
export function fillLeaf(block: Buffer, entries: readonly DirectoryEntry[], seed: number): void {
  let at = 0;
  entries.forEach((entry, i) => {
    const bytes = i === entries.length - 1 ? LEAF_BYTES - at : recordBytes(entry.name);
    writeEntry(block, at, entry, bytes);
    at += bytes;
  });
  if (entries.length === 0) block.writeUInt16LE(LEAF_BYTES, 4);
  block.writeUInt16LE(TAIL_BYTES, LEAF_BYTES + 4);
  block.writeUInt8(EXT4_FT_DIR_CSUM, LEAF_BYTES + 7);
  block.writeUInt32LE(crc32c(seed, block, 0, LEAF_BYTES), LEAF_BYTES + 8);
}

export function writeEntry(block: Buffer, at: number, entry: DirectoryEntry, bytes: number): void {
  block.writeUInt32LE(entry.ino, at);
  block.writeUInt16LE(bytes, at + 4);
  block.writeUInt8(entry.name.length, at + 6);
  block.writeUInt8(INODE_TYPES[entry.type].entry, at + 7);
  block.write(entry.name, at + ENTRY_HEADER_BYTES, "latin1");
}

/** @throws BangerError `EXT4_LIMIT` for what cannot be a name on ext4. */
export function checkName(name: ByteString): void {
  const wrong =
    name.length === 0 || name.length > MAX_NAME_BYTES
      ? `it has ${name.length} bytes, and 1 to ${MAX_NAME_BYTES} are possible`
      : name === "." || name === ".." || name.includes("/") || name.includes("\0")
        ? "it is reserved, or holds a slash or a zero byte"
        : undefined;
  if (wrong === undefined) return;
  throw new BangerError("EXT4_LIMIT", {
    what: `ext4 cannot hold the name ${displayName(name.slice(0, 300))}`,
    why: wrong,
    fix: "use an image without this file",
  });
}
