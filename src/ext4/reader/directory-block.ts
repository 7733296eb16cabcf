import type { ByteString } from "../../model/byte-string.ts";
import { ENTRY_HEADER_BYTES } from "../directory.ts";
import { damaged } from "./disk.ts";

export interface NamedInode {
  readonly name: ByteString;
  readonly ino: number;
}

/**
 * The entries of one directory block, without `.` and `..`. Blocks of an index look empty from here, as they should.
 *
 * @throws BangerError `EXT4_INVALID` if an entry reaches over the block's end, or has a name that cannot be.
 */
export function parseDirectoryBlock(block: Buffer, hasFileTypes: boolean): NamedInode[] {
  const found: NamedInode[] = [];
  for (let at = 0; at < block.length;) {
    if (at + ENTRY_HEADER_BYTES > block.length) throw damaged("a directory entry is cut off");
    const ino = block.readUInt32LE(at);
    const bytes = recordLength(block.readUInt16LE(at + 4), block.length);
    const nameBytes = hasFileTypes ? block.readUInt8(at + 6) : block.readUInt16LE(at + 6);
    if (bytes < ENTRY_HEADER_BYTES || bytes % 4 !== 0 || at + bytes > block.length) {
      throw damaged(`a directory entry has the length ${bytes}`);
    }
    if (ino !== 0) {
      if (nameBytes === 0 || nameBytes > 255 || ENTRY_HEADER_BYTES + nameBytes > bytes) {
        throw damaged(`a directory entry has a name of ${nameBytes} bytes`);
      }
      const name = block.toString("latin1", at + ENTRY_HEADER_BYTES, at + ENTRY_HEADER_BYTES + nameBytes);
      // A name with a slash could make a path lead elsewhere than it says.
      if (name.includes("/") || name.includes("\0")) throw damaged("a name holds a slash or a zero byte");
      if (name !== "." && name !== "..") found.push({ name, ino });
    }
    at += bytes;
  }
  return found;
}

/** ext4_rec_len_from_disk: blocks of 64 KiB cannot be said in 16 bits. */
function recordLength(onDisk: number, blockBytes: number): number {
  if (blockBytes < 65536) return onDisk;
  return onDisk === 0 || onDisk === 65535 ? blockBytes : (onDisk & 65532) | ((onDisk & 3) << 16);
}
