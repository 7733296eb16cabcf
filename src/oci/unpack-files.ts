import { constants, mkdirSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setFileSize } from "../lib/destroy.ts";
import { displayName } from "../model/byte-string.ts";
import { entryNames } from "./entry-path.ts";
import type { TarEntry } from "./tar-entry.ts";
import { tarInvalid, tarLimit } from "./tar-error.ts";
import type { TarHandler } from "./tar-handler.ts";

/** Which files an archive may hold. */
export interface ExpectedFiles {
  /** Names that must come, each once. */
  readonly required: readonly string[];
  /** Folders below which further files may stand, by their names with a slash at the end. */
  readonly folders: readonly string[];
  readonly maxFileBytes: number;
  readonly maxFiles: number;
}

/** What a disk has as one block, and a hole at the least. */
const PAGE_BYTES = 4096;
const SYNCED_BYTES = 1024 ** 2;

/**
 * Writes an archive's files below a folder: those that are expected, plain files and nothing else, mode 0600. Zeros are
 * left as holes. Ask {@link finish} when the archive has ended; {@link close} lets go of what is open.
 */
export class FileUnpacker implements TarHandler {
  readonly #folder: string;
  readonly #expected: ExpectedFiles;
  readonly #found = new Map<string, number>();
  readonly #zeros = Buffer.alloc(PAGE_BYTES);
  /** Settles when the file before has been closed. */
  #closed: Promise<void> = Promise.resolve();
  #current: { readonly handle: Promise<FileHandle>; readonly size: number; at: number } | undefined;

  constructor(folder: string, expected: ExpectedFiles) {
    this.#folder = folder;
    this.#expected = expected;
  }

  entry(entry: TarEntry): void {
    const { maxFileBytes, maxFiles } = this.#expected;
    const name = entryNames(entry.path).join("/");
    if (entry.type !== "file") throw tarInvalid(`a ${entry.type}, and only plain files belong here`, entry.path);
    if (!this.#isExpected(name)) throw tarInvalid("it does not belong here", entry.path);
    if (this.#found.has(name)) throw tarInvalid("it comes twice", entry.path);
    if (entry.size > maxFileBytes) throw tarLimit(`more than ${maxFileBytes} bytes`, entry.path);
    if (this.#found.size >= maxFiles) throw tarLimit(`more than ${maxFiles} files`, entry.path);
    this.#found.set(name, entry.size);
    const path = join(this.#folder, name);
    const handle = this.#closed.then(() => {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      return open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    });
    handle.catch(() => {}); // Whoever writes next hears of it.
    this.#current = { handle, size: entry.size, at: 0 };
  }

  data(chunk: Uint8Array): Promise<void> | undefined {
    return this.#write(chunk);
  }

  hole(bytes: number): undefined {
    if (this.#current !== undefined) this.#current.at += bytes;
    return undefined;
  }

  endEntry(): void {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    this.#closed = complete(current.handle, current.size);
    this.#closed.catch(() => {});
  }

  /**
   * Waits until all is written.
   *
   * @returns sizes of the files, by name.
   * @throws TarError if one is missing.
   */
  async finish(): Promise<ReadonlyMap<string, number>> {
    await this.#closed;
    for (const name of this.#expected.required) {
      if (!this.#found.has(name)) throw tarInvalid(`it holds no ${displayName(name)}`);
    }
    return this.#found;
  }

  async close(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    await this.#closed.catch(() => {});
    const file = await current?.handle.catch(() => undefined);
    await file?.close();
  }

  #isExpected(name: string): boolean {
    const { required, folders } = this.#expected;
    if (!/^[\x21-\x7e]+$/.test(name)) return false;
    return required.includes(name) || folders.some((folder) => name.startsWith(folder) && name !== folder);
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
