import type { FileHandle } from "node:fs/promises";
import { BangerError } from "../../lib/errors.ts";

/** Metadata is read in stretches of this size, since what is near is asked for next. */
const STRETCH_BYTES = 64 * 1024;
/** 8 MiB of metadata are kept. */
const KEPT_STRETCHES = 128;

/** A file that is read in pieces. Reads past its end are the image's fault, and said so. */
export class Disk {
  readonly #file: FileHandle;
  readonly #sizeBytes: number;
  /** In the order of their last use. */
  readonly #kept = new Map<number, Buffer>();

  private constructor(file: FileHandle, sizeBytes: number) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
  }

  static async over(file: FileHandle): Promise<Disk> {
    const stat = await file.stat();
    // A block device says 0, and answers reads past its end with nothing.
    return new Disk(file, stat.isFile() ? stat.size : Number.MAX_SAFE_INTEGER);
  }

  /** A few bytes of metadata, one's own to keep. */
  async read(position: number, bytes: number): Promise<Buffer> {
    this.#check(position, bytes);
    const out = Buffer.alloc(bytes);
    for (let done = 0; done < bytes;) {
      const start = Math.floor((position + done) / STRETCH_BYTES) * STRETCH_BYTES;
      const stretch = await this.#stretch(start);
      const from = position + done - start;
      const copied = stretch.copy(out, done, from);
      if (copied === 0) throw damaged(`it ends at byte ${start + stretch.length}, and ${position + bytes} were needed`);
      done += copied;
    }
    return out;
  }

  /** Content: read once, not kept. */
  async readContent(position: number, bytes: number): Promise<Buffer> {
    this.#check(position, bytes);
    const out = Buffer.allocUnsafe(bytes);
    await this.#fill(out, position);
    return out;
  }

  async #stretch(start: number): Promise<Buffer> {
    let stretch = this.#kept.get(start);
    this.#kept.delete(start);
    if (stretch === undefined) {
      stretch = Buffer.allocUnsafe(Math.min(STRETCH_BYTES, this.#sizeBytes - start));
      await this.#fill(stretch, start);
    }
    this.#kept.set(start, stretch);
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > KEPT_STRETCHES && oldest.done !== true) this.#kept.delete(oldest.value);
    return stretch;
  }

  async #fill(out: Buffer, position: number): Promise<void> {
    for (let done = 0; done < out.length;) {
      const { bytesRead } = await this.#file.read(out, done, out.length - done, position + done);
      if (bytesRead === 0) throw damaged(`it ends at byte ${position + done}`);
      done += bytesRead;
    }
  }

  #check(position: number, bytes: number): void {
    if (position + bytes > this.#sizeBytes) {
      throw damaged(`it points to byte ${position + bytes}, and has ${this.#sizeBytes}`);
    }
  }
}

export function damaged(why: string): BangerError {
  return new BangerError("EXT4_INVALID", {
    what: "the ext4 file system is damaged",
    why,
    fix: "check it with `e2fsck -f`, or import the image again",
  });
}
