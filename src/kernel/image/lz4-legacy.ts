import { invalidArchive } from "../byte-reader.ts";

// The legacy frame of lz4, which kernel images use (lz4/doc/lz4_Frame_format.md): the magic, then blocks of at most
// 8 MiB unpacked, each after its packed size. Blocks do not refer to one another (lz4/doc/lz4_Block_format.md).
export const LZ4_LEGACY_MAGIC = 0x184c2102;
const BLOCK_UNPACKED_BYTES = 8 * 1024 ** 2;
const MIN_MATCH = 4;

/**
 * Unpacks a legacy lz4 frame.
 *
 * @param unpackedBytes what it must come to.
 * @throws BangerError `ARCHIVE_INVALID`.
 */
export function decompressLz4Legacy(packed: Buffer, unpackedBytes: number, name: string): Buffer {
  const out = Buffer.allocUnsafe(unpackedBytes);
  let written = 0;
  let at = 0;
  while (at + 4 <= packed.length) {
    const size = packed.readUInt32LE(at);
    at += 4;
    // A frame may follow a frame: the magic is no size that a block can have.
    if (size === LZ4_LEGACY_MAGIC) continue;
    if (size > packed.length - at) throw damaged(name);
    const limit = Math.min(written + BLOCK_UNPACKED_BYTES, unpackedBytes);
    written = decompressBlock(packed.subarray(at, at + size), out, written, limit, name);
    at += size;
  }
  if (written !== unpackedBytes) throw damaged(name);
  return out;
}

/** Sequences of literals and a match, until the block ends after literals. Returns where the output ends. */
function decompressBlock(block: Buffer, out: Buffer, start: number, limit: number, name: string): number {
  let at = 0;
  let to = start;
  const runLength = (nibble: number): number => {
    let length = nibble;
    if (nibble !== 15) return length;
    for (let more = 255; more === 255; at += 1) {
      more = block[at] ?? -1;
      if (more === -1) throw damaged(name);
      length += more;
    }
    return length;
  };
  while (at < block.length) {
    const token = block[at] ?? 0;
    at += 1;
    const literals = runLength(token >> 4);
    if (literals > block.length - at || literals > limit - to) throw damaged(name);
    block.copy(out, to, at, at + literals);
    at += literals;
    to += literals;
    if (at === block.length) return to;

    const distance = (block[at] ?? 0) | ((block[at + 1] ?? 0) << 8);
    at += 2;
    const length = runLength(token & 15) + MIN_MATCH;
    if (distance === 0 || distance > to - start || length > limit - to) throw damaged(name);
    copyMatch(out, to, distance, length);
    to += length;
  }
  throw damaged(name);
}

/** A match may run into itself: then it repeats the bytes between, so the copied run doubles each time. */
function copyMatch(out: Buffer, to: number, distance: number, length: number): void {
  for (let done = 0; done < length;) {
    const run = Math.min(distance + done, length - done);
    out.copyWithin(to + done, to - distance, to - distance + run);
    done += run;
  }
}

function damaged(name: string): Error {
  return invalidArchive(name, "its lz4 data is damaged");
}
