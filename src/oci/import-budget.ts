import { formatBytes } from "../lib/bytes.ts";
import type { ImportLimits } from "./limits.ts";
import type { TarEntry } from "./tar-entry.ts";
import { tarLimit } from "./tar-error.ts";

/** Counts what an image's layers cost together, and stops the one that goes too far. */
export class ImportBudget {
  readonly limits: ImportLimits;
  #entries = 0;
  #contentBytes = 0;
  #metadataBytes = 0;
  #unpackedBytes = 0;

  constructor(limits: ImportLimits) {
    this.limits = limits;
  }

  get entries(): number {
    return this.#entries;
  }

  get unpackedBytes(): number {
    return this.#unpackedBytes;
  }

  /** @throws TarError `limit`. */
  countEntry(entry: TarEntry): void {
    this.#entries += 1;
    this.#contentBytes += entry.size;
    this.#metadataBytes += metadataBytes(entry);
    const { maxEntries, maxContentBytes, maxMetadataBytes } = this.limits;
    if (this.#entries > maxEntries) throw tarLimit(`the image has more than ${maxEntries} entries`);
    if (this.#contentBytes > maxContentBytes) {
      throw tarLimit(`the image's files are larger than ${formatBytes(maxContentBytes)}`, entry.path);
    }
    if (this.#metadataBytes > maxMetadataBytes) {
      const what = "the image's names, link targets and extended attributes";
      throw tarLimit(`${what} are longer than ${formatBytes(maxMetadataBytes)}`, entry.path);
    }
  }

  /**
   * @param layerBytes what this layer has unpacked to so far, `bytes` included.
   * @throws TarError `limit`.
   */
  countUnpacked(bytes: number, layerBytes: number, compressedBytes: number): void {
    this.#unpackedBytes += bytes;
    const { maxUnpackedBytes, maxRatio, ratioFreeBytes } = this.limits;
    if (this.#unpackedBytes > maxUnpackedBytes) {
      throw tarLimit(`the image unpacks to more than ${formatBytes(maxUnpackedBytes)}`);
    }
    if (layerBytes > ratioFreeBytes && layerBytes > compressedBytes * maxRatio) {
      throw tarLimit(`it unpacks to more than ${maxRatio} times its size`);
    }
  }
}

/** What of an entry stays in memory, apart from its fixed fields: its last name, not the way to it. */
function metadataBytes({ path, linkTarget, xattrs }: TarEntry): number {
  let bytes = path.length - path.lastIndexOf("/", path.length - 2) - 1 + linkTarget.length;
  if (xattrs !== undefined) for (const [name, value] of xattrs) bytes += name.length + value.length;
  return bytes;
}
