import type { Hash } from "node:crypto";
import { type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { removeFile, replaceFile, setFileSize } from "../../lib/destroy.ts";
import type { ErrorCode } from "../../lib/error-codes.ts";
import { asBangerError, BangerError } from "../../lib/errors.ts";
import { syncDirectory } from "../../lib/files.ts";
import type { BlobStore } from "./blob-store.ts";
import { digestAlgorithm, finishDigest, startDigest, type Digest } from "../manifest/digest.ts";
import { digestMismatch, sizeMismatch, type BlobSource } from "../source/image-source.ts";
import type { Descriptor } from "../manifest/manifest.ts";
import { DEFAULT_RETRY, Retry, TransientError, type RetryPolicy } from "../../http/retry.ts";

/** What is gathered before it is written: fewer and larger writes. */
const WRITE_BYTES = 1024 ** 2;
const READ_BYTES = 512 * 1024;
/** An attempt that brought this much is progress, and failures before it are forgotten. */
const PROGRESS_BYTES = 4 * 1024 ** 2;

/** Failures after which a part of a blob is of no use, or in the way. */
const USELESS_AFTER: readonly ErrorCode[] = ["DIGEST_MISMATCH", "SIZE_MISMATCH", "DISK_FULL"];

export interface DownloadOptions {
  readonly signal: AbortSignal;
  /** Told after each write: bytes of the blob that are here. */
  readonly onProgress?: (doneBytes: number) => void;
  readonly retry?: RetryPolicy;
}

/**
 * Brings one blob into the store, and lets a reader follow while it comes.
 *
 * The reader sees bytes before the digest has been checked; it must wait for {@link done} before it believes them.
 */
export class BlobDownload {
  /** Settles once the blob is in the store, verified; says whether it had been there before. */
  readonly done: Promise<{ readonly reused: boolean }>;
  readonly #descriptor: Descriptor;
  readonly #store: BlobStore;
  readonly #source: BlobSource;
  readonly #options: DownloadOptions;
  /** Bytes in the file that a follower may read. */
  #written = 0;
  #file: FileHandle | undefined;
  #followers = 0;
  #finished = false;
  #moved = Promise.withResolvers<void>();

  constructor(descriptor: Descriptor, store: BlobStore, source: BlobSource, options: DownloadOptions) {
    this.#descriptor = descriptor;
    this.#store = store;
    this.#source = source;
    this.#options = options;
    this.done = store.exclusively(descriptor.digest, () => this.#run());
    // Whoever follows hears of a failure too; nobody may be there yet.
    this.done.catch(() => {}).finally(() => this.#settle());
  }

  /**
   * The blob's bytes from its start, as they come. Ends when the blob is complete, before it counts as verified.
   * A piece is good only until the next is asked for: all are read into the same memory.
   */
  async *follow(): AsyncGenerator<Buffer> {
    this.#followers += 1;
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, this.#descriptor.size));
    try {
      for (let at = 0; at < this.#descriptor.size;) {
        while (this.#written <= at) {
          if (this.#finished) await this.done;
          await this.#moved.promise;
        }
        if (this.#file === undefined) throw new Error("nothing has been opened");
        const length = Math.min(buffer.length, this.#written - at);
        const { bytesRead } = await this.#file.read(buffer, 0, length, at);
        if (bytesRead === 0) throw sizeMismatch(this.#descriptor, at);
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      this.#followers -= 1;
      await this.#closeIfIdle();
    }
  }

  /** Lets go of the file. For when the blob will not be followed, or not any more. */
  async close(): Promise<void> {
    await this.done.catch(() => {});
    await this.#closeIfIdle();
  }

  async #run(): Promise<{ reused: boolean }> {
    const { digest, size } = this.#descriptor;
    if (await this.#store.has(this.#descriptor)) {
      this.#file = await this.#store.open(digest);
      this.#advance(size);
      return { reused: true };
    }
    this.#file = await this.#store.openPartial(digest);
    const resumed = await this.#rehash(this.#file);
    try {
      const found = await this.#fetch(this.#file, resumed);
      if (found !== digest) throw digestMismatch(digest, found);
    } catch (error) {
      // Part of a blob waits for another try, but neither nothing, nor what is wrong, nor what has filled the disk.
      const useless = error instanceof BangerError && USELESS_AFTER.includes(error.code);
      if (useless || this.#written === 0)
        await removeFile(this.#store.partialPath(digest), "our own download, by the digest that was asked for");
      throw error;
    }
    await this.#file.datasync();
    await replaceFile(
      this.#store.partialPath(digest),
      this.#store.path(digest),
      "our own download, checked against its name",
    );
    await syncDirectory(dirname(this.#store.path(digest)));
    return { reused: false };
  }

  /** Reads what an earlier pull left. It counts for the digest only through what is read here. */
  async #rehash(file: FileHandle): Promise<Hash> {
    const hash = startDigest(digestAlgorithm(this.#descriptor.digest));
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    let at = 0;
    for (;;) {
      this.#options.signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0 || at + bytesRead > this.#descriptor.size) break;
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    await setFileSize(file, at, "our own download, behind what was read of it");
    this.#advance(at);
    return hash;
  }

  async #fetch(file: FileHandle, hash: Hash): Promise<Digest> {
    const { signal, retry: policy = DEFAULT_RETRY } = this.#options;
    const retry = new Retry(policy, signal);
    while (this.#written < this.#descriptor.size) {
      const before = this.#written;
      try {
        await this.#attempt(file, hash);
      } catch (error) {
        if (this.#written - before >= PROGRESS_BYTES) retry.progressed();
        await retry.failed(error);
      }
    }
    return finishDigest(digestAlgorithm(this.#descriptor.digest), hash);
  }

  async #attempt(file: FileHandle, hash: Hash): Promise<void> {
    const { signal } = this.#options;
    const piece = Buffer.allocUnsafe(Math.min(WRITE_BYTES, this.#descriptor.size));
    let filled = 0;
    const flush = async (): Promise<void> => {
      const data = piece.subarray(0, filled);
      filled = 0;
      if (data.length === 0) return;
      const writing = writeAll(file, data, this.#written);
      hash.update(data);
      await writing;
      this.#advance(this.#written + data.length);
    };
    try {
      for await (const chunk of this.#source.openBlob(this.#descriptor, this.#written, signal)) {
        const received = this.#written + filled + chunk.length;
        if (received > this.#descriptor.size) throw sizeMismatch(this.#descriptor, received);
        for (let at = 0; at < chunk.length;) {
          const bytes = chunk.copy(piece, filled, at);
          filled += bytes;
          at += bytes;
          if (filled === piece.length) await flush();
        }
      }
    } finally {
      // What came before a cut is kept.
      await flush();
    }
    if (this.#written < this.#descriptor.size) {
      throw new TransientError(sizeMismatch(this.#descriptor, this.#written));
    }
  }

  #advance(written: number): void {
    this.#written = written;
    this.#options.onProgress?.(written);
    this.#wake();
  }

  #wake(): void {
    const moved = this.#moved;
    this.#moved = Promise.withResolvers();
    moved.resolve();
  }

  #settle(): void {
    this.#finished = true;
    this.#wake();
  }

  async #closeIfIdle(): Promise<void> {
    if (!this.#finished || this.#followers > 0) return;
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

async function writeAll(file: FileHandle, data: Buffer, position: number): Promise<void> {
  try {
    for (let at = 0; at < data.length;) {
      at += (await file.write(data, at, data.length - at, position + at)).bytesWritten;
    }
  } catch (error) {
    throw asBangerError(error);
  }
}
