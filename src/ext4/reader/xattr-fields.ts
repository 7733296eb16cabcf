import type { ByteString } from "../../model/byte-string.ts";
import { aclFromDisk } from "../posix-acl.ts";
import { EXT4_XATTR_MAGIC, XATTR_BLOCK_HEADER_BYTES, XATTR_ENTRY_BYTES, XATTR_PREFIXES } from "../xattr.ts";
import { damaged } from "./disk.ts";

/** Attributes behind an inode's fixed fields; nothing when there are none. */
export function parseInodeXattrs(area: Buffer, into: Map<ByteString, Buffer>): void {
  if (area.length < 8 || area.readUInt32LE(0) !== EXT4_XATTR_MAGIC) return;
  parseEntries(area.subarray(4), 0, into);
}

/** @throws BangerError `EXT4_INVALID` if it is no block of attributes. */
export function parseXattrBlock(block: Buffer, into: Map<ByteString, Buffer>): void {
  if (block.readUInt32LE(0) !== EXT4_XATTR_MAGIC) throw damaged("a block of attributes has no magic number");
  parseEntries(block, XATTR_BLOCK_HEADER_BYTES, into);
}

/** Values kept in an inode of their own (EA_INODE) and names that Linux does not show are left out. */
function parseEntries(area: Buffer, start: number, into: Map<ByteString, Buffer>): void {
  for (let at = start; at + 4 <= area.length && area.readUInt32LE(at) !== 0;) {
    if (at + XATTR_ENTRY_BYTES > area.length) throw damaged("an attribute is cut off");
    const nameBytes = area.readUInt8(at);
    const index = area.readUInt8(at + 1);
    const offset = area.readUInt16LE(at + 2);
    const valueInode = area.readUInt32LE(at + 4);
    const valueBytes = area.readUInt32LE(at + 8);
    const end = at + XATTR_ENTRY_BYTES + nameBytes;
    if (end > area.length) throw damaged("the name of an attribute is cut off");
    const known = XATTR_PREFIXES.find((prefix) => prefix.index === index);
    if (known !== undefined && valueInode === 0) {
      if (valueBytes > 0 && offset + valueBytes > area.length) throw damaged("the value of an attribute is cut off");
      const value = Buffer.from(area.subarray(offset, offset + valueBytes));
      const shown = known.whole ? aclFromDisk(value) : value;
      const name = known.prefix + area.toString("latin1", at + XATTR_ENTRY_BYTES, end);
      if (shown !== undefined) into.set(name, shown);
    }
    at += (XATTR_ENTRY_BYTES + nameBytes + 3) & ~3;
  }
}
