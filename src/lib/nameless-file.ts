import { randomBytes } from "node:crypto";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { removeFileSync } from "./destroy.ts";

/**
 * A file that has no name, and so is gone with its process, however that ends. It is made when it is first written to.
 *
 * Synchronous: it takes what memory should not hold, a little at a time, and a turn of the event loop costs more than that.
 */
export class NamelessFile implements Disposable {
  readonly #folder: string;
  #file: number | undefined;

  /** @param folder where it is made. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  write(data: Buffer, position: number): void {
    this.#file ??= openNameless(this.#folder);
    for (let done = 0; done < data.length;) {
      done += writeSync(this.#file, data, done, data.length - done, position + done);
    }
  }

  /** Fills a buffer with what was written there. */
  read(into: Buffer, position: number): void {
    for (let done = 0; done < into.length;) {
      const bytes = readSync(this.#file ?? -1, into, done, into.length - done, position + done);
      if (bytes === 0) throw new Error("a file is read past what was written to it");
      done += bytes;
    }
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

function openNameless(folder: string): number {
  const path = join(folder, `.scratch-${randomBytes(8).toString("hex")}`);
  const file = openSync(path, "wx+", 0o600);
  removeFileSync(path, "a new file that this call made; it goes on without a name");
  return file;
}
