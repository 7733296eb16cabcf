import { formatInvalid } from "../format-error.ts";
import { hasChecksum, isZeroBlock, TAR_BLOCK } from "./tar-header.ts";
import { inflate } from "../compression/inflate.ts";
import { isZstd } from "../compression/zstd-frames.ts";

type Compression = "none" | "gzip" | "zstd";

/**
 * Unpacks a layer by what its first bytes are: gzip (several members too), zstd (several frames too) or plain tar.
 * Pieces, here and in `packed`, are good only until the next is asked for: their memory is used again.
 *
 * @throws FormatError if it is none of these, or is damaged or cut off.
 */
export async function* unpack(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const source = packed[Symbol.asyncIterator]();
  try {
    const head = await readHead(source);
    const compression = sniff(head);
    const whole = rejoin(head, source);
    if (compression === "none") yield* whole;
    else yield* inflate(whole, compression);
  } finally {
    await source.return?.();
  }
}

/** At least one block, unless it ends before. */
async function readHead(source: AsyncIterator<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < TAR_BLOCK) {
    const next = await source.next();
    if (next.done === true) break;
    chunks.push(Buffer.from(next.value));
    length += next.value.length;
  }
  return Buffer.concat(chunks);
}

async function* rejoin(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

function sniff(head: Buffer): Compression {
  const magic = head.length < 4 ? 0 : head.readUInt32LE(0);
  if ((magic & 0xffff) === 0x8b1f) return "gzip";
  if (isZstd(magic)) return "zstd";
  if (head.length >= TAR_BLOCK && (hasChecksum(head) || isZeroBlock(head))) return "none";
  throw formatInvalid("it is not a tar archive, plain or compressed with gzip or zstd");
}
