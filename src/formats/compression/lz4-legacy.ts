import { ByteReader, invalidArchive, type ByteStream } from "../byte-reader.ts";

// The legacy frame of lz4, which kernel images use (lz4/doc/lz4_Frame_format.md): the magic, then blocks of at most
// 8 MiB unpacked, each after its packed size. Blocks do not refer to one another (lz4/doc/lz4_Block_format.md).
export const LZ4_LEGACY_MAGIC = 0x184c2102;
const BLOCK_UNPACKED_BYTES = 8 * 1024 ** 2;
/** LZ4_compressBound of lz4.h; the kernel's own unpacker takes no longer ones either (lib/decompress_unlz4.c). */
const MAX_BLOCK_BYTES = BLOCK_UNPACKED_BYTES + Math.floor(BLOCK_UNPACKED_BYTES / 255) + 16;
const MIN_MATCH = 4;

/**
 * Unpacks a legacy lz4 frame, block by block. Each is valid until the next is asked for.
 *
 * @param unpackedBytes what it must come to.
 * @throws BangerError `ARCHIVE_INVALID`.
 */
export async function* decompressLz4Legacy(packed: ByteStream, unpackedBytes: number, name: string): ByteStream {
  await using reader = new ByteReader(packed, name);
  const out = Buffer.allocUnsafe(Math.min(BLOCK_UNPACKED_BYTES, unpackedBytes));
  let left = unpackedBytes;
  while (!(await reader.atEnd())) {
    const size = (await reader.read(4)).readUInt32LE();
    // A frame may follow a frame: the magic is no size that a block can have.
    if (size === LZ4_LEGACY_MAGIC) continue;
    if (size > MAX_BLOCK_BYTES) throw damaged(name);
    const length = decompressBlock(await reader.read(size), out, Math.min(out.length, left), name);
    left -= length;
    yield out.subarray(0, length);
  }
  if (left !== 0) throw damaged(name);
}

/** Sequences of literals and a match, until the block ends after literals. Returns how much it came to. */
function decompressBlock(block: Buffer, out: Buffer, limit: number, name: string): number {
  let at = 0;
  let to = 0;
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
    if (distance === 0 || distance > to || length > limit - to) throw damaged(name);
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
