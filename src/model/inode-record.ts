import type { ByteString } from "./byte-string.ts";
import type { Attributes, Extent, Inode, InodeType } from "./inode.ts";

/**
 * An inode as bytes, for a file that only its writer reads: numbers at fixed places, then the file's extents or the link's
 * target, then the extended attributes.
 */

const LENGTH_AT = 0;
const UID_AT = 4;
const GID_AT = 8;
const NANOSECONDS_AT = 12;
const SECONDS_AT = 16;
/** A file's size, a device's number. */
const SIZE_AT = 24;
/** Extents of a file, bytes of a link's target. */
const COUNT_AT = 32;
const MODE_AT = 36;
const XATTRS_AT = 38;
/** What is read first: the length stands in it. */
export const RECORD_HEAD_BYTES = 40;
const EXTENT_BYTES = 12;
const XATTR_HEAD_BYTES = 6;
const MINORS = 2 ** 32;

/** Used again for each inode; a larger one is made for those that it does not hold. */
const scratch = Buffer.alloc(4096);

/** The record's bytes, which are good until the next is made. */
export function encodeInode(inode: Inode): Buffer {
  const extents = inode.type === "file" ? inode.extents : [];
  const target = inode.type === "symlink" ? inode.target : "";
  let length = RECORD_HEAD_BYTES + extents.length * EXTENT_BYTES + target.length;
  for (const [name, value] of inode.xattrs ?? []) length += XATTR_HEAD_BYTES + name.length + value.length;

  const record = length > scratch.length ? Buffer.alloc(length) : scratch.subarray(0, length);
  record.writeUInt32LE(length, LENGTH_AT);
  record.writeUInt32LE(inode.uid, UID_AT);
  record.writeUInt32LE(inode.gid, GID_AT);
  record.writeUInt32LE(inode.mtimeNanoseconds, NANOSECONDS_AT);
  record.writeDoubleLE(inode.mtimeSeconds, SECONDS_AT);
  record.writeDoubleLE(sizeOf(inode), SIZE_AT);
  record.writeUInt32LE(extents.length + target.length, COUNT_AT);
  record.writeUInt16LE(inode.mode, MODE_AT);
  record.writeUInt16LE(inode.xattrs?.size ?? 0, XATTRS_AT);
  let at = RECORD_HEAD_BYTES;
  for (const { fileBlock, diskBlock, blocks } of extents) {
    record.writeUInt32LE(fileBlock, at);
    record.writeUInt32LE(diskBlock, at + 4);
    record.writeUInt32LE(blocks, at + 8);
    at += EXTENT_BYTES;
  }
  at += record.write(target, at, "latin1");
  for (const [name, value] of inode.xattrs ?? []) {
    record.writeUInt16LE(name.length, at);
    record.writeUInt32LE(value.length, at + 2);
    at += XATTR_HEAD_BYTES;
    at += record.write(name, at, "latin1");
    at += value.copy(record, at);
  }
  return record;
}

/** The whole record's length, told by its head. */
export function recordLength(head: Buffer): number {
  return head.readUInt32LE(LENGTH_AT);
}

/** What {@link encodeInode} was given; nothing of it lies in the record's memory. */
export function decodeInode(type: InodeType, record: Buffer): Inode {
  const count = record.readUInt32LE(COUNT_AT);
  const after = RECORD_HEAD_BYTES + count * (type === "file" ? EXTENT_BYTES : 1);
  const attributes: Attributes = {
    mode: record.readUInt16LE(MODE_AT),
    uid: record.readUInt32LE(UID_AT),
    gid: record.readUInt32LE(GID_AT),
    mtimeSeconds: record.readDoubleLE(SECONDS_AT),
    mtimeNanoseconds: record.readUInt32LE(NANOSECONDS_AT),
    xattrs: decodeXattrs(record, after),
  };
  const size = record.readDoubleLE(SIZE_AT);
  switch (type) {
    case "file":
      return { type, ...attributes, size, extents: decodeExtents(record, count) };
    case "symlink":
      return { type, ...attributes, target: record.toString("latin1", RECORD_HEAD_BYTES, after) };
    case "char":
    case "block":
      return { type, ...attributes, major: Math.floor(size / MINORS), minor: size % MINORS };
    case "directory":
    case "fifo":
    case "socket":
      return { type, ...attributes };
  }
}

function sizeOf(inode: Inode): number {
  if (inode.type === "file") return inode.size;
  return inode.type === "char" || inode.type === "block" ? inode.major * MINORS + inode.minor : 0;
}

function decodeExtents(record: Buffer, count: number): Extent[] {
  const extents: Extent[] = [];
  for (let at = RECORD_HEAD_BYTES; extents.length < count; at += EXTENT_BYTES) {
    extents.push({
      fileBlock: record.readUInt32LE(at),
      diskBlock: record.readUInt32LE(at + 4),
      blocks: record.readUInt32LE(at + 8),
    });
  }
  return extents;
}

function decodeXattrs(record: Buffer, from: number): Map<ByteString, Buffer> | undefined {
  const count = record.readUInt16LE(XATTRS_AT);
  if (count === 0) return undefined;
  const xattrs = new Map<ByteString, Buffer>();
  let at = from;
  while (xattrs.size < count) {
    const nameEnd = at + XATTR_HEAD_BYTES + record.readUInt16LE(at);
    const valueEnd = nameEnd + record.readUInt32LE(at + 2);
    xattrs.set(
      record.toString("latin1", at + XATTR_HEAD_BYTES, nameEnd),
      Buffer.from(record.subarray(nameEnd, valueEnd)),
    );
    at = valueEnd;
  }
  return xattrs;
}
