import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { hasErrno } from "../../lib/errors.ts";
import type { StepProgress } from "../../lib/reporting.ts";
import { asBuffer, invalidArchive, type ByteStream } from "../byte-reader.ts";
import { FormatError, formatInvalid, formatLimit } from "../format-error.ts";
import { MAX_PATH_BYTES } from "./entry-names.ts";
import { FileWriter } from "./file-writer.ts";
import type { TarEntry } from "./tar-entry.ts";
import type { TarHandler } from "./tar-handler.ts";
import { TarReader } from "./tar-reader.ts";

/** What one file of an archive may come to, unpacked. A kernel's largest is its vmlinux of some 25 MB. */
const MAX_FILE_BYTES = 1024 ** 3;
const MAX_ENTRIES = 100_000;

const READ_BYTES = 256 * 1024;

export interface TarPlaces {
  readonly targetDir: string;
  /** The path below `targetDir` for a path in the archive (`boot/vmlinuz-6.1.0`); undefined leaves the file out. */
  readonly place: (path: string) => string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Unpacks chosen files of a tar archive. Owners, times and modes are not kept; folders and links are passed over.
 *
 * @param name what is read, for errors.
 * @returns the paths below `targetDir` that were written, in the archive's order.
 * @throws BangerError `ARCHIVE_INVALID` if it is damaged, uses pax headers (deb(5) has none), or would write outside
 *         `targetDir`.
 */
export async function extractTar(tar: ByteStream, name: string, places: TarPlaces): Promise<string[]> {
  const files = new ChosenFiles(places);
  try {
    const reader = new TarReader(files, { refusesPax: true });
    // To the very end: a compressed stream is only checked as a whole there.
    for await (const chunk of tar) {
      places.signal.throwIfAborted();
      const wait = reader.push(asBuffer(chunk));
      if (wait !== undefined) await wait;
    }
    reader.end();
    if (!reader.sawEnd) throw formatInvalid("the archive is cut off before its end");
    return await files.finish();
  } catch (error) {
    if (error instanceof FormatError) throw invalidArchive(name, error.message, error);
    // The same name twice, or once as a file and once as a folder.
    if (!["EEXIST", "ENOTDIR", "EISDIR"].some((code) => hasErrno(error, code))) throw error;
    throw invalidArchive(name, "a file is in the way of another of its files", error);
  } finally {
    await files.close();
  }
}

/** A file's bytes; `onBytes` is told how many of how many have been read. */
export async function* readCounted(path: string, signal: AbortSignal, onBytes: StepProgress): ByteStream {
  const { size } = await stat(path);
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES, signal })) {
    const bytes = chunk as Buffer;
    done += bytes.length;
    onBytes(done, size);
    yield bytes;
  }
}

class ChosenFiles implements TarHandler {
  readonly #places: TarPlaces;
  readonly #writer = new FileWriter({ file: 0o644, folder: 0o777 });
  readonly #written: string[] = [];
  #entries = 0;

  constructor(places: TarPlaces) {
    this.#places = places;
  }

  entry({ path, type, size }: TarEntry): void {
    this.#entries += 1;
    if (this.#entries > MAX_ENTRIES) throw formatLimit(`more than ${MAX_ENTRIES} entries`);
    if (path.length > MAX_PATH_BYTES) throw formatLimit(`a name is longer than ${MAX_PATH_BYTES} bytes`, path);
    if (type !== "file") return;
    const text = Buffer.from(path, "latin1").toString("utf8");
    const to = this.#places.place(text.replace(/^(?:\.\/)+/, ""));
    if (to === undefined) return;
    if (to.startsWith("/") || to.split("/").includes(".."))
      throw formatInvalid("its path leads out of the archive", path);
    if (size > MAX_FILE_BYTES) throw formatLimit(`it is larger than ${MAX_FILE_BYTES} bytes`, path);
    this.#written.push(to);
    this.#writer.begin(join(this.#places.targetDir, to), size);
  }

  data(chunk: Uint8Array): Promise<void> | undefined {
    return this.#writer.data(chunk);
  }

  hole(bytes: number): undefined {
    return this.#writer.hole(bytes);
  }

  endEntry(): void {
    this.#writer.end();
  }

  /** The paths that were written, once they are. */
  async finish(): Promise<string[]> {
    await this.#writer.settled();
    return this.#written;
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}
