import { formatBytes } from "../../lib/bytes.ts";
import type { ByteString } from "../../model/byte-string.ts";
import type { ImportLimits } from "./limits.ts";
import type { TarEntry } from "../../formats/tar/tar-entry.ts";
import { formatLimit } from "../../formats/format-error.ts";

/** Counts what an image's layers cost together, and stops the one that goes too far. */
export class ImportBudget {
  readonly limits: ImportLimits;
  #entries = 0;
  #directories = 0;
  #contentBytes = 0;
  #nameBytes = 0;
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

  /** @throws FormatError `limit`. */
  countEntry(entry: TarEntry): void {
    const { path } = entry;
    this.#entries += 1;
    this.#countName(path.length - path.lastIndexOf("/", path.length - 2) - 1, path);
    this.#contentBytes += entry.size;
    this.#metadataBytes += metadataBytes(entry);
    const { maxContentBytes, maxMetadataBytes } = this.limits;
    if (this.#contentBytes > maxContentBytes) {
      throw formatLimit(`the image's files are larger than ${formatBytes(maxContentBytes)}`, path);
    }
    if (this.#metadataBytes > maxMetadataBytes) {
      const what = "the image's link targets and extended attributes";
      throw formatLimit(`${what} are longer than ${formatBytes(maxMetadataBytes)}`, path);
    }
  }

  /**
   * A directory that stands on the way to an entry, and that no entry describes.
   *
   * @throws FormatError `limit`.
   */
  countDirectory(name: ByteString, path: ByteString): void {
    this.#directories += 1;
    this.#countName(name.length, path);
  }

  /**
   * @param layerBytes what this layer has unpacked to so far, `bytes` included.
   * @throws FormatError `limit`.
   */
  countUnpacked(bytes: number, layerBytes: number, compressedBytes: number): void {
    this.#unpackedBytes += bytes;
    const { maxUnpackedBytes, maxRatio, ratioFreeBytes } = this.limits;
    if (this.#unpackedBytes > maxUnpackedBytes) {
      throw formatLimit(`the image unpacks to more than ${formatBytes(maxUnpackedBytes)}`);
    }
    if (layerBytes > ratioFreeBytes && layerBytes > compressedBytes * maxRatio) {
      throw formatLimit(`it unpacks to more than ${maxRatio} times its size`);
    }
  }

  #countName(bytes: number, path: ByteString): void {
    this.#nameBytes += bytes;
    const { maxEntries, maxNameBytes } = this.limits;
    if (this.#entries + this.#directories > maxEntries)
      throw formatLimit(`the image has more than ${maxEntries} entries`);
    if (this.#nameBytes > maxNameBytes) {
      throw formatLimit(`the image's names are longer than ${formatBytes(maxNameBytes)} together`, path);
    }
  }
}

function metadataBytes({ linkTarget, xattrs }: TarEntry): number {
  let bytes = linkTarget.length;
  if (xattrs !== undefined) for (const [name, value] of xattrs) bytes += name.length + value.length;
  return bytes;
}
