import { LastView } from "../lib/last-view.ts";
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
/** Records are as long as a multiple of this. */
export const RECORD_ALIGNMENT = 8;

/** Used again for each inode; a larger one is made for those that it does not hold. */
const scratch = Buffer.alloc(4096);
const views = new LastView();

/** The record's bytes, which are good until the next is made. */
export function encodeInode(inode: Inode): Buffer {
  const extents = inode.type === "file" ? inode.extents : [];
  const target = inode.type === "symlink" ? inode.target : "";
  let length = RECORD_HEAD_BYTES + extents.length * EXTENT_BYTES + target.length;
  if (inode.xattrs !== undefined) {
    for (const [name, value] of inode.xattrs) length += XATTR_HEAD_BYTES + name.length + value.length;
  }
  length = Math.ceil(length / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;

  const record = length > scratch.length ? Buffer.alloc(length) : scratch.subarray(0, length);
  const view = views.over(record);
  const start = record.byteOffset;
  view.setUint32(start + LENGTH_AT, length);
  view.setUint32(start + UID_AT, inode.uid);
  view.setUint32(start + GID_AT, inode.gid);
  view.setUint32(start + NANOSECONDS_AT, inode.mtimeNanoseconds);
  view.setFloat64(start + SECONDS_AT, inode.mtimeSeconds);
  view.setFloat64(start + SIZE_AT, sizeOf(inode));
  view.setUint32(start + COUNT_AT, extents.length + target.length);
  view.setUint16(start + MODE_AT, inode.mode);
  view.setUint16(start + XATTRS_AT, inode.xattrs?.size ?? 0);
  let at = RECORD_HEAD_BYTES;
  for (const { fileBlock, diskBlock, blocks } of extents) {
    view.setUint32(start + at, fileBlock);
    view.setUint32(start + at + 4, diskBlock);
    view.setUint32(start + at + 8, blocks);
    at += EXTENT_BYTES;
  }
  if (target !== "") at += record.write(target, at, "latin1");
  if (inode.xattrs === undefined) return record;
  for (const [name, value] of inode.xattrs) {
    record.writeUInt16BE(name.length, at);
    record.writeUInt32BE(value.length, at + 2);
    at += XATTR_HEAD_BYTES;
    at += record.write(name, at, "latin1");
    at += value.copy(record, at);
  }
  return record;
}

/** The whole record's length, told by its head. */
export function recordLength(head: Buffer): number {
  return head.readUInt32BE(LENGTH_AT);
}

/**
 * What {@link encodeInode} was given; nothing of it lies in the record's memory.
 *
 * @param record the whole record; more may follow.
 */
export function decodeInode(type: InodeType, record: Buffer): Inode {
  const view = views.over(record);
  const start = record.byteOffset;
  const count = view.getUint32(start + COUNT_AT);
  const after = RECORD_HEAD_BYTES + count * (type === "file" ? EXTENT_BYTES : 1);
  const attributes: Attributes = {
    mode: view.getUint16(start + MODE_AT),
    uid: view.getUint32(start + UID_AT),
    gid: view.getUint32(start + GID_AT),
    mtimeSeconds: view.getFloat64(start + SECONDS_AT),
    mtimeNanoseconds: view.getUint32(start + NANOSECONDS_AT),
    xattrs: decodeXattrs(record, view.getUint16(start + XATTRS_AT), after),
  };
  const size = view.getFloat64(start + SIZE_AT);
  switch (type) {
    case "file":
      return { type, ...attributes, size, extents: decodeExtents(view, start + RECORD_HEAD_BYTES, count) };
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

function decodeExtents(view: DataView, from: number, count: number): Extent[] {
  const extents: Extent[] = [];
  for (let at = from; extents.length < count; at += EXTENT_BYTES) {
    extents.push({ fileBlock: view.getUint32(at), diskBlock: view.getUint32(at + 4), blocks: view.getUint32(at + 8) });
  }
  return extents;
}

function decodeXattrs(record: Buffer, count: number, from: number): Map<ByteString, Buffer> | undefined {
  if (count === 0) return undefined;
  const xattrs = new Map<ByteString, Buffer>();
  let at = from;
  while (xattrs.size < count) {
    const nameEnd = at + XATTR_HEAD_BYTES + record.readUInt16BE(at);
    const valueEnd = nameEnd + record.readUInt32BE(at + 2);
    xattrs.set(
      record.toString("latin1", at + XATTR_HEAD_BYTES, nameEnd),
      Buffer.from(record.subarray(nameEnd, valueEnd)),
    );
    at = valueEnd;
  }
  return xattrs;
}
