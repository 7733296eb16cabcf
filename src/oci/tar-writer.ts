import { TAR_BLOCK } from "./tar-header.ts";

/** Largest number that 11 octal digits hold; past it GNU's base-256 is written. */
const MAX_OCTAL_SIZE = 8 ** 11 - 1;

/** A regular file's header in an archive of ours: owned by root, from 1970, so that the same files make the same archive. */
export function fileHeader(name: string, sizeBytes: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`a name too long for a plain header: ${name}`);
  const block = Buffer.alloc(TAR_BLOCK);
  block.write(name, 0);
  // mode, uid, gid
  block.write("0000644\x000000000\x000000000\0", 100, "latin1");
  if (sizeBytes <= MAX_OCTAL_SIZE) block.write(`${sizeBytes.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  else block.writeBigUInt64BE(BigInt(sizeBytes), 128);
  if (sizeBytes > MAX_OCTAL_SIZE) block[124] = 0x80;
  block.write("00000000000\0", 136, "latin1");
  block.write("0", 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** What follows a content of this length, up to the next block. */
export function padding(sizeBytes: number): Buffer {
  return Buffer.alloc((TAR_BLOCK - (sizeBytes % TAR_BLOCK)) % TAR_BLOCK);
}

/** The two blocks of zeros that end an archive. */
export const ARCHIVE_END: Buffer = Buffer.alloc(2 * TAR_BLOCK);
