import { randomBytes } from "node:crypto";
import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

const TAIL_BYTES = 1024 ** 2;
/** How much is read at once, so that going through all of it in order asks the kernel rarely. */
const WINDOW_BYTES = 16 * 1024;

/**
 * Bytes that are put away until they are needed: appended, read again, never changed. The last of them are in memory; a
 * file without a name, which nobody has to remove, holds the rest as soon as there is more.
 *
 * Synchronous: what is put away here is a few bytes at a time, and a turn of the event loop costs more than they do.
 */
export class ScratchFile implements Disposable {
  readonly #folder: string;
  #file: number | undefined;
  readonly #tail: Buffer;
  /** How much the file holds; the tail begins there. */
  #written = 0;
  #filled = 0;
  readonly #window = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #windowStart = 0;
  #windowBytes = 0;

  /**
   * @param folder where the file is made, should it be needed.
   * @param tailBytes how much stays in memory.
   */
  constructor(folder: string, tailBytes = TAIL_BYTES) {
    this.#folder = folder;
    this.#tail = Buffer.allocUnsafeSlow(tailBytes);
  }

  get length(): number {
    return this.#written + this.#filled;
  }

  /** Puts bytes behind all others; they are the caller's again. Returns where they begin. */
  append(data: Buffer): number {
    const position = this.length;
    if (this.#filled + data.length > this.#tail.length) this.#flush();
    if (data.length > this.#tail.length) {
      this.#write(data);
    } else {
      data.copy(this.#tail, this.#filled);
      this.#filled += data.length;
    }
    return position;
  }

  /** Bytes that were appended together. They are good until the next call. */
  read(position: number, bytes: number): Buffer {
    this.#check(position, bytes);
    if (position >= this.#written) {
      const start = position - this.#written;
      return this.#tail.subarray(start, start + bytes);
    }
    if (bytes > WINDOW_BYTES) return this.#readFile(Buffer.allocUnsafe(bytes), position);
    if (position < this.#windowStart || position + bytes > this.#windowStart + this.#windowBytes) {
      const most = Math.min(WINDOW_BYTES, this.#written - position);
      this.#windowBytes = 0;
      this.#readFile(this.#window.subarray(0, most), position);
      this.#windowStart = position;
      this.#windowBytes = most;
    }
    const start = position - this.#windowStart;
    return this.#window.subarray(start, start + bytes);
  }

  /** Fills a buffer, however the bytes were appended. */
  readInto(buffer: Buffer, position: number): void {
    this.#check(position, buffer.length);
    const fromFile = Math.max(0, Math.min(buffer.length, this.#written - position));
    this.#readFile(buffer.subarray(0, fromFile), position);
    if (fromFile === buffer.length) return;
    const start = position + fromFile - this.#written;
    this.#tail.copy(buffer, fromFile, start, start + buffer.length - fromFile);
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #flush(): void {
    this.#write(this.#tail.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #write(data: Buffer): void {
    this.#file ??= openNameless(this.#folder);
    for (let done = 0; done < data.length;) {
      done += writeSync(this.#file, data, done, data.length - done, this.#written + done);
    }
    this.#written += data.length;
  }

  #check(position: number, bytes: number): void {
    if (position < 0 || position + bytes > this.length) throw new Error("a scratch file is read past its end");
  }

  #readFile(into: Buffer, position: number): Buffer {
    for (let done = 0; done < into.length;) {
      const bytes = readSync(this.#file ?? -1, into, done, into.length - done, position + done);
      if (bytes === 0) throw new Error("a scratch file has become shorter");
      done += bytes;
    }
    return into;
  }
}

function openNameless(folder: string): number {
  const path = join(folder, `.scratch-${randomBytes(8).toString("hex")}`);
  const file = openSync(path, "wx+", 0o600);
  rmSync(path);
  return file;
}
