import type { FileHandle } from "node:fs/promises";

const CHUNK_BYTES = 64 * 1024;
/** How far back from its end lines are looked for. */
const MAX_TAIL_BYTES = 4 * 1024 ** 2;
const NEWLINE = 0x0a;

/** Where the last `count` lines of a file begin. */
export async function startOfLastLines(log: FileHandle, count: number): Promise<number> {
  const { size } = await log.stat();
  const from = Math.max(0, size - MAX_TAIL_BYTES);
  return from + startOfLines(await readFrom(log, from, size), count);
}

/** The same in a text that is here. What stands behind the last line's end is a line, too. */
export function startOfLines(text: Uint8Array, count: number): number {
  if (count === 0) return text.length;
  let at = text.at(-1) === NEWLINE ? text.length - 1 : text.length;
  for (let left = count; left > 0; left -= 1) {
    // A negative place would be counted from the end.
    at = at === 0 ? -1 : text.lastIndexOf(NEWLINE, at - 1);
    if (at === -1) return 0;
  }
  return at + 1;
}

/** The bytes from one place to another, or to the end. */
export async function readFrom(log: FileHandle, from: number, to = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const { size } = await log.stat();
  const end = Math.min(size, to);
  const chunks: Buffer[] = [];
  for (let at = from; at < end;) {
    const { buffer, bytesRead } = await log.read(Buffer.alloc(Math.min(CHUNK_BYTES, end - at)), 0, undefined, at);
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return Buffer.concat(chunks);
}
