import type { FileHandle } from "node:fs/promises";
import { BangerError } from "../lib/errors.ts";
import { formatBytes } from "../lib/bytes.ts";
import type { ContentSink, StoredContent } from "../model/content-sink.ts";
import type { Extent } from "../model/inode.ts";
import { BLOCK_BYTES, blocksBeforeHead, skipHead, type Geometry } from "./geometry.ts";
import type { UsedBlocks } from "./used-blocks.ts";

/** Blocks are gathered to pieces of 1 MiB. One is written while the other fills. */
const PIECE_BYTES = 1024 ** 2;
/** So much is written before the disk is told to begin; the kernel itself would begin when it is to wait for all of it. */
const AHEAD_BYTES = 64 * 1024 ** 2;
const ZEROS = Buffer.alloc(BLOCK_BYTES);
/** The last block of a file is 2^32 - 2 (EXT_MAX_BLOCKS is kept for "no block"). */
const MAX_FILE_BYTES = (2 ** 32 - 1) * BLOCK_BYTES;
/** A file in so many runs keeps its further blocks of zeros: what is known of it stays bounded. */
const MANY_RUNS = 65_536;

/**
 * Lays contents down one after another from the first free block on, around the groups' heads.
 * Blocks of zeros become holes.
 */
export class DataArea implements ContentSink {
  readonly #file: FileHandle;
  readonly #geometry: Geometry;
  readonly #maxBlocks: number;
  readonly #durable: boolean;
  readonly #signal: AbortSignal | undefined;

  #piece = Buffer.allocUnsafe(PIECE_BYTES);
  #otherPiece = Buffer.allocUnsafe(PIECE_BYTES);
  /** Where the piece will stand, in blocks, how much of it is filled and how much may be. */
  #pieceBlock: number;
  #filled = 0;
  #limit: number;
  #writing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #unsynced = 0;
  #failure: { readonly error: unknown } | undefined;

  #size = 0;
  #inFile = false;
  /** The file's runs, but for the last one, which may go on. */
  #extents: Extent[] = [];
  #runFile = 0;
  #runDisk = 0;
  #runBlocks = 0;

  /** @param durable whether all of it is to be on the disk at the end: then it is sent there while more comes. */
  constructor(file: FileHandle, geometry: Geometry, maxBlocks: number, durable: boolean, signal?: AbortSignal) {
    this.#file = file;
    this.#geometry = geometry;
    this.#maxBlocks = maxBlocks;
    this.#durable = durable;
    this.#signal = signal;
    this.#pieceBlock = skipHead(geometry, 0);
    this.#limit = this.#pieceLimit();
  }

  /** The block that the next content begins at, once the one before has ended. */
  get nextBlock(): number {
    const next = this.#pieceBlock + Math.ceil(this.#filled / BLOCK_BYTES);
    return this.#filled === this.#limit ? skipHead(this.#geometry, next) : next;
  }

  beginFile(): void {
    if (this.#inFile) throw new Error("the file before has not ended");
    this.#inFile = true;
    this.#size = 0;
    this.#extents = [];
    this.#runBlocks = 0;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    let at = 0;
    while (at < chunk.length) {
      const wait = this.#makeRoom();
      if (wait !== undefined) return this.#writeAfter(wait, chunk, at);
      const bytes = Math.min(chunk.length - at, BLOCK_BYTES - (this.#filled % BLOCK_BYTES));
      this.#piece.set(bytes === chunk.length ? chunk : chunk.subarray(at, at + bytes), this.#filled);
      this.#filled += bytes;
      this.#size += bytes;
      at += bytes;
      if (this.#filled % BLOCK_BYTES === 0) this.#closeBlock();
    }
    return undefined;
  }

  async #writeAfter(wait: Promise<void>, chunk: Uint8Array, at: number): Promise<void> {
    await wait;
    await this.write(chunk.subarray(at));
  }

  hole(bytes: number): Promise<void> | undefined {
    const toBorder = Math.min(bytes, (BLOCK_BYTES - (this.#filled % BLOCK_BYTES)) % BLOCK_BYTES);
    if (toBorder === 0) {
      // At a block's border: whole blocks are skipped, and the rest begins a block.
      const rest = bytes % BLOCK_BYTES;
      this.#size += bytes - rest;
      return rest === 0 ? undefined : this.write(ZEROS.subarray(0, rest));
    }
    // The block begun has its room already: this never waits.
    const wait = this.write(ZEROS.subarray(0, toBorder));
    return wait ?? (bytes === toBorder ? undefined : this.hole(bytes - toBorder));
  }

  endFile(): StoredContent {
    if (!this.#inFile) throw new Error("no file has begun");
    const tail = this.#filled % BLOCK_BYTES;
    if (tail > 0) {
      this.#piece.fill(0, this.#filled, this.#filled + BLOCK_BYTES - tail);
      this.#filled += BLOCK_BYTES - tail;
      this.#closeBlock();
    }
    this.#inFile = false;
    this.#closeRun();
    if (this.#size > MAX_FILE_BYTES) {
      throw new BangerError("EXT4_LIMIT", {
        what: `a file of ${formatBytes(this.#size)} is too large for ext4`,
        why: `files have at most ${formatBytes(MAX_FILE_BYTES)}`,
        fix: "use an image without this file",
      });
    }
    return { size: this.#size, extents: this.#extents };
  }

  /** Lays one block down, which is told its place, whatever it holds. */
  async append(make: (diskBlock: number) => Buffer): Promise<number> {
    await this.#makeRoom();
    const diskBlock = this.nextBlock;
    make(diskBlock).copy(this.#piece, this.#filled);
    this.#filled += BLOCK_BYTES;
    return diskBlock;
  }

  /** The blocks that the next appends will get. */
  upcoming(count: number): number[] {
    const blocks: number[] = [];
    for (let next = this.nextBlock; blocks.length < count; next = skipHead(this.#geometry, next + 1)) blocks.push(next);
    return blocks;
  }

  /** Waits until all that was taken is written. */
  async flush(): Promise<void> {
    await this.#turn();
    await this.#writing;
    this.#check();
  }

  /** Waits until nothing is being sent to the disk ahead. Linux tells of a failure once: whoever syncs later hears nothing. */
  async syncedAhead(): Promise<void> {
    await this.#syncing;
    this.#check();
  }

  /** Waits until nothing is under way, however it ends. */
  async settle(): Promise<void> {
    await this.#writing;
    await this.#syncing;
  }

  /** Overwrites with zeros what nobody has marked in `[from, to)`: contents that the final tree has lost. */
  async clearUnused(used: UsedBlocks, from: number, to: number): Promise<void> {
    for (let block = this.#nextUnused(used, from); block < to;) {
      const most = Math.min(to, block + Math.min(PIECE_BYTES / BLOCK_BYTES, blocksBeforeHead(block)));
      let end = block + 1;
      while (end < most && !used.has(end)) end += 1;
      const zeros = this.#piece.subarray(0, (end - block) * BLOCK_BYTES).fill(0);
      await writeAll(this.#file, zeros, block * BLOCK_BYTES);
      block = this.#nextUnused(used, end);
    }
  }

  #nextUnused(used: UsedBlocks, from: number): number {
    let block = skipHead(this.#geometry, from);
    while (used.has(block)) {
      while (used.has(block)) block += 1;
      block = skipHead(this.#geometry, block);
    }
    return block;
  }

  /** A full block: a hole if it is all zeros, else part of the last run or the start of one. */
  #closeBlock(): void {
    const start = this.#filled - BLOCK_BYTES;
    const mayBeHole = this.#piece[start] === 0 && this.#extents.length < MANY_RUNS;
    if (mayBeHole && ZEROS.compare(this.#piece, start, this.#filled) === 0) {
      this.#filled = start;
      return;
    }
    const fileBlock = Math.ceil(this.#size / BLOCK_BYTES) - 1;
    const diskBlock = this.#pieceBlock + start / BLOCK_BYTES;
    if (fileBlock !== this.#runFile + this.#runBlocks || diskBlock !== this.#runDisk + this.#runBlocks) {
      this.#closeRun();
      this.#runFile = fileBlock;
      this.#runDisk = diskBlock;
    }
    this.#runBlocks += 1;
  }

  #closeRun(): void {
    if (this.#runBlocks === 0) return;
    this.#extents.push({ fileBlock: this.#runFile, diskBlock: this.#runDisk, blocks: this.#runBlocks });
    this.#runBlocks = 0;
  }

  #makeRoom(): Promise<void> | undefined {
    return this.#filled < this.#limit ? undefined : this.#turn();
  }

  /** Sends the piece off and goes on with the other one, as soon as that is free. */
  #turn(): Promise<void> | undefined {
    this.#signal?.throwIfAborted();
    if (this.#writing !== undefined) return this.#turnAfter(this.#writing);
    this.#check();
    const full = this.#piece.subarray(0, this.#filled);
    const position = this.#pieceBlock * BLOCK_BYTES;
    this.#writing = this.#noted(writeAll(this.#file, full, position)).finally(() => {
      this.#writing = undefined;
      this.#unsynced += full.length;
      if (this.#durable && this.#unsynced >= AHEAD_BYTES) this.#startSync();
    });
    [this.#piece, this.#otherPiece] = [this.#otherPiece, this.#piece];
    this.#pieceBlock = skipHead(this.#geometry, this.#pieceBlock + this.#filled / BLOCK_BYTES);
    this.#filled = 0;
    this.#limit = this.#pieceLimit();
    if (this.#pieceBlock >= this.#maxBlocks) throw volumeFull(this.#pieceBlock, this.#maxBlocks);
    return undefined;
  }

  #startSync(): void {
    if (this.#syncing !== undefined) return;
    this.#unsynced = 0;
    this.#syncing = this.#noted(this.#file.datasync()).finally(() => {
      this.#syncing = undefined;
    });
  }

  /** Whoever comes next is told of a failure. */
  #noted(work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => {
      this.#failure ??= { error };
    });
  }

  async #turnAfter(writing: Promise<void>): Promise<void> {
    await writing;
    await this.#turn();
  }

  #pieceLimit(): number {
    return Math.min(PIECE_BYTES, blocksBeforeHead(this.#pieceBlock) * BLOCK_BYTES);
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** Writes all of `data`, however many calls that takes. */
export async function writeAll(file: FileHandle, data: Buffer, position: number): Promise<void> {
  for (let done = 0; done < data.length;) {
    const { bytesWritten } = await file.write(data, done, data.length - done, position + done);
    done += bytesWritten;
  }
}

export function volumeFull(neededBlocks: number, maxBlocks: number): BangerError {
  const [needed, room] = [neededBlocks * BLOCK_BYTES, maxBlocks * BLOCK_BYTES];
  return new BangerError("EXT4_FULL", {
    what: `the content does not fit into a file system of ${formatBytes(room)}`,
    why: `it needs at least ${formatBytes(needed)}`,
    fix: `ask for a larger disk: \`--disk-size ${Math.ceil(needed / 1024 ** 3)}G\` or more`,
    data: { neededBytes: needed, maxBytes: room },
  });
}
