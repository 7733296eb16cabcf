import type { Extent } from "../model/inode.ts";
import { BLOCK_BYTES, BLOCKS_PER_GROUP, headBlocks, type Geometry } from "./geometry.ts";

/** Which blocks are in use, apart from the groups' heads. Groups without any take no memory. */
export class UsedBlocks {
  readonly #bitmaps = new Map<number, Buffer>();
  readonly #counts = new Map<number, number>();
  #total = 0;

  /** All blocks marked so far. */
  get total(): number {
    return this.#total;
  }

  mark(first: number, blocks: number): void {
    let block = first;
    for (let left = blocks; left > 0;) {
      const group = Math.floor(block / BLOCKS_PER_GROUP);
      const from = block % BLOCKS_PER_GROUP;
      const count = Math.min(left, BLOCKS_PER_GROUP - from);
      setBits(this.#bitmapOf(group), from, count);
      this.#counts.set(group, (this.#counts.get(group) ?? 0) + count);
      block += count;
      left -= count;
    }
    this.#total += blocks;
  }

  markExtents(extents: readonly Extent[]): void {
    for (const { diskBlock, blocks } of extents) this.mark(diskBlock, blocks);
  }

  /** Whether the group holds anything that its descriptor alone does not tell. */
  touches(group: number): boolean {
    return this.#bitmaps.has(group);
  }

  countIn(group: number): number {
    return this.#counts.get(group) ?? 0;
  }

  has(block: number): boolean {
    const bit = block % BLOCKS_PER_GROUP;
    const byte = this.#bitmaps.get(Math.floor(block / BLOCKS_PER_GROUP))?.[bit >>> 3] ?? 0;
    return (byte & (1 << (bit & 7))) !== 0;
  }

  /** The group's block bitmap as it stands on disk: with its head, and with what lies past the volume's end set. */
  bitmap(geometry: Geometry, group: number, totalBlocks: number): Buffer {
    const bitmap = Buffer.from(this.#bitmapOf(group));
    setBits(bitmap, 0, headBlocks(geometry, group));
    const end = Math.min(BLOCKS_PER_GROUP, totalBlocks - group * BLOCKS_PER_GROUP);
    setBits(bitmap, end, BLOCKS_PER_GROUP - end);
    return bitmap;
  }

  #bitmapOf(group: number): Buffer {
    let bitmap = this.#bitmaps.get(group);
    if (bitmap === undefined) {
      bitmap = Buffer.alloc(BLOCK_BYTES);
      this.#bitmaps.set(group, bitmap);
    }
    return bitmap;
  }
}

/** Sets bits `[from, from + count)`, the lowest of each byte first. */
export function setBits(bitmap: Buffer, from: number, count: number): void {
  const end = from + count;
  let bit = from;
  for (; bit < end && (bit & 7) !== 0; bit += 1) setBit(bitmap, bit);
  if (end - bit >= 8) {
    bitmap.fill(0xff, bit >>> 3, end >>> 3);
    bit = end & ~7;
  }
  for (; bit < end; bit += 1) setBit(bitmap, bit);
}

function setBit(bitmap: Buffer, bit: number): void {
  bitmap[bit >>> 3] = (bitmap[bit >>> 3] ?? 0) | (1 << (bit & 7));
}
