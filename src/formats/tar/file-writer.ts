import { constants, mkdirSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { setFileSize } from "../../lib/destroy.ts";

/** What a disk has as one block, and a hole at the least. */
const PAGE_BYTES = 4096;
const SYNCED_BYTES = 1024 ** 2;

export interface FileModes {
  readonly file: number;
  readonly folder: number;
}

/** Writes new files, one after another, while their content comes. Zeros are left as holes. */
export class FileWriter {
  readonly #modes: FileModes;
  readonly #zeros = Buffer.alloc(PAGE_BYTES);
  /** Settles when the file before has been closed. */
  #closed: Promise<void> = Promise.resolve();
  #current: { readonly handle: Promise<FileHandle>; readonly size: number; at: number } | undefined;

  constructor(modes: FileModes) {
    this.#modes = modes;
  }

  /** Begins a file, and the folders on the way to it. It must not be there yet: whoever writes next hears of it. */
  begin(path: string, size: number): void {
    const { file, folder } = this.#modes;
    const handle = this.#closed.then(() => {
      mkdirSync(dirname(path), { recursive: true, mode: folder });
      return open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, file);
    });
    handle.catch(() => {});
    this.#current = { handle, size, at: 0 };
  }

  /** The next bytes of the file; passed over where none has begun. */
  data(chunk: Uint8Array): Promise<void> | undefined {
    return this.#current === undefined ? undefined : this.#write(chunk);
  }

  hole(bytes: number): undefined {
    if (this.#current !== undefined) this.#current.at += bytes;
    return undefined;
  }

  end(): void {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    this.#closed = complete(current.handle, current.size);
    this.#closed.catch(() => {});
  }

  /** Waits until all is written that has ended. */
  settled(): Promise<void> {
    return this.#closed;
  }

  /** Lets go of what is open. */
  async close(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    await this.#closed.catch(() => {});
    const file = await current?.handle.catch(() => undefined);
    await file?.close();
  }

  async #write(chunk: Uint8Array): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    const file = await current.handle;
    const start = current.at;
    for (let i = 0; i < chunk.length;) {
      const from = this.#skip(chunk, i, start, true);
      const to = this.#skip(chunk, from, start, false);
      for (let at = from; at < to;) at += (await file.write(chunk, at, to - at, start + at)).bytesWritten;
      i = to;
    }
    current.at = start + chunk.length;
  }

  /** Goes over pages of the file that are all zeros, or over those that are not. */
  #skip(chunk: Uint8Array, from: number, start: number, zeros: boolean): number {
    let i = from;
    while (i < chunk.length) {
      const page = chunk.subarray(i, i + PAGE_BYTES - ((start + i) % PAGE_BYTES));
      if (this.#zeros.subarray(0, page.length).equals(page) !== zeros) return i;
      i += page.length;
    }
    return i;
  }
}

async function complete(handle: Promise<FileHandle>, sizeBytes: number): Promise<void> {
  const file = await handle;
  try {
    await setFileSize(file, sizeBytes, "a new file that this call made");
    // A kernel's modules are thousands of small files, and each wait takes as long as a large one's.
    if (sizeBytes >= SYNCED_BYTES) await file.datasync();
  } finally {
    await file.close();
  }
}
