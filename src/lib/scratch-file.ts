import { NamelessFile } from "./nameless-file.ts";

const TAIL_BYTES = 1024 ** 2;
/** How much is read at once, so that going through all of it in order asks the kernel rarely. */
const WINDOW_BYTES = 16 * 1024;

/** Bytes that are put away until they are needed: appended, read again, never changed. Only the last are in memory. */
export class ScratchFile implements Disposable {
  readonly #file: NamelessFile;
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
    this.#file = new NamelessFile(folder);
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

  /** Bytes that were appended together, and what is at hand of those behind them. They are good until the next call. */
  read(position: number, bytes: number): Buffer {
    this.#check(position, bytes);
    if (position >= this.#written) return this.#tail.subarray(position - this.#written, this.#filled);
    if (bytes > WINDOW_BYTES) {
      const large = Buffer.allocUnsafe(bytes);
      this.#file.read(large, position);
      return large;
    }
    if (position < this.#windowStart || position + bytes > this.#windowStart + this.#windowBytes) {
      const most = Math.min(WINDOW_BYTES, this.#written - position);
      this.#windowBytes = 0;
      this.#file.read(this.#window.subarray(0, most), position);
      this.#windowStart = position;
      this.#windowBytes = most;
    }
    return this.#window.subarray(position - this.#windowStart, this.#windowBytes);
  }

  /** Fills a buffer, however the bytes were appended. */
  readInto(buffer: Buffer, position: number): void {
    this.#check(position, buffer.length);
    const fromFile = Math.max(0, Math.min(buffer.length, this.#written - position));
    this.#file.read(buffer.subarray(0, fromFile), position);
    if (fromFile === buffer.length) return;
    const start = position + fromFile - this.#written;
    this.#tail.copy(buffer, fromFile, start, start + buffer.length - fromFile);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #flush(): void {
    this.#write(this.#tail.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #write(data: Buffer): void {
    this.#file.write(data, this.#written);
    this.#written += data.length;
  }

  #check(position: number, bytes: number): void {
    if (position < 0 || position + bytes > this.length) throw new Error("a scratch file is read past its end");
  }
}
