import { join } from "node:path";
import { displayName } from "../../model/byte-string.ts";
import { formatInvalid, formatLimit } from "../format-error.ts";
import { entryNames } from "./entry-names.ts";
import { FileWriter } from "./file-writer.ts";
import type { TarEntry } from "./tar-entry.ts";
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

/**
 * Writes an archive's files below a folder: those that are expected, plain files and nothing else, mode 0600. Zeros are
 * left as holes. Ask {@link finish} when the archive has ended; {@link close} lets go of what is open.
 */
export class FileUnpacker implements TarHandler {
  readonly #folder: string;
  readonly #expected: ExpectedFiles;
  readonly #found = new Map<string, number>();
  readonly #writer = new FileWriter({ file: 0o600, folder: 0o700 });

  constructor(folder: string, expected: ExpectedFiles) {
    this.#folder = folder;
    this.#expected = expected;
  }

  entry(entry: TarEntry): void {
    const { maxFileBytes, maxFiles } = this.#expected;
    const name = entryNames(entry.path).join("/");
    if (entry.type !== "file") throw formatInvalid(`a ${entry.type}, and only plain files belong here`, entry.path);
    if (!this.#isExpected(name)) throw formatInvalid("it does not belong here", entry.path);
    if (this.#found.has(name)) throw formatInvalid("it comes twice", entry.path);
    if (entry.size > maxFileBytes) throw formatLimit(`more than ${maxFileBytes} bytes`, entry.path);
    if (this.#found.size >= maxFiles) throw formatLimit(`more than ${maxFiles} files`, entry.path);
    this.#found.set(name, entry.size);
    this.#writer.begin(join(this.#folder, name), entry.size);
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

  /**
   * Waits until all is written.
   *
   * @returns sizes of the files, by name.
   * @throws FormatError if one is missing.
   */
  async finish(): Promise<ReadonlyMap<string, number>> {
    await this.#writer.settled();
    for (const name of this.#expected.required) {
      if (!this.#found.has(name)) throw formatInvalid(`it holds no ${displayName(name)}`);
    }
    return this.#found;
  }

  async close(): Promise<void> {
    await this.#writer.close();
  }

  #isExpected(name: string): boolean {
    const { required, folders } = this.#expected;
    if (!/^[\x21-\x7e]+$/.test(name)) return false;
    return required.includes(name) || folders.some((folder) => name.startsWith(folder) && name !== folder);
  }
}
