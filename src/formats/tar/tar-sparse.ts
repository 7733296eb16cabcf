import { numberAt, TAR_BLOCK } from "./tar-header.ts";
import { formatInvalid, formatLimit } from "../format-error.ts";
import { paxInteger, type PaxRecords } from "./tar-pax.ts";

/**
 * Which parts of a file the archive holds, as GNU tar stores sparse files (GNU tar manual, "Storing Sparse Files").
 * Everything else are zeros.
 */
export interface SparseMap {
  /** Offset and length of each part, flat, ascending. */
  readonly parts: readonly number[];
  /** Size of the whole file, holes counted. */
  readonly realSize: number;
}

/** Bound on the parts of one file. */
const MAX_SPARSE_PARTS = 262_144;

// GNU tar's old header (`struct oldgnu_header`) and its extension (`struct sparse_header`) in tar.h.
const OLD_MAP = 386;
const OLD_MAP_ENTRIES = 4;
const OLD_IS_EXTENDED = 482;
const OLD_REAL_SIZE = 483;
const EXTENSION_ENTRIES = 21;
const EXTENSION_IS_EXTENDED = 504;
const ENTRY_BYTES = 24;

/** The map of an old GNU sparse file (type `S`), which may go on in blocks of its own. */
export interface OldSparse {
  readonly parts: number[];
  readonly realSize: number;
  /** Whether an extension block follows. */
  readonly extended: boolean;
}

export function parseOldSparse(block: Buffer): OldSparse {
  const parts: number[] = [];
  readEntries(block, OLD_MAP, OLD_MAP_ENTRIES, parts);
  return { parts, realSize: numberAt(block, OLD_REAL_SIZE, 12, "realsize"), extended: block[OLD_IS_EXTENDED] !== 0 };
}

export function extendOldSparse(sparse: OldSparse, block: Buffer): OldSparse {
  readEntries(block, 0, EXTENSION_ENTRIES, sparse.parts);
  if (sparse.parts.length > 2 * MAX_SPARSE_PARTS) throw tooManyParts();
  return { ...sparse, extended: block[EXTENSION_IS_EXTENDED] !== 0 };
}

/** The map in PAX records, formats 0.0 and 0.1; undefined when the records tell of none. */
export function paxSparse({ values, sparsePairs }: PaxRecords): SparseMap | undefined {
  const map = values.get("GNU.sparse.map");
  if (map === undefined && sparsePairs.length === 0 && !values.has("GNU.sparse.size")) return undefined;
  const size = values.get("GNU.sparse.size");
  if (size === undefined) throw formatInvalid("a sparse file without GNU.sparse.size");
  const parts =
    map === undefined || map.length === 0
      ? sparsePairs
      : map
          .toString("latin1")
          .split(",")
          .map((n) => paxInteger(Buffer.from(n, "latin1"), "GNU.sparse.map"));
  return { parts, realSize: paxInteger(size, "GNU.sparse.size") };
}

/** Format 1.0 keeps the map before the data: decimal numbers, one a line, padded to a block. */
export function isSparseInData({ values }: PaxRecords): boolean {
  return (
    values.get("GNU.sparse.major")?.toString("latin1") === "1" &&
    values.get("GNU.sparse.minor")?.toString("latin1") === "0"
  );
}

/** Collects the map of format 1.0 block by block. */
export class SparseMapReader {
  readonly parts: number[] = [];
  /** Bytes of the entry's data that the map took. */
  mapBytes = 0;
  #count: number | undefined;
  #digits = "";

  /** Takes a block; true once the map is complete. */
  push(block: Buffer): boolean {
    this.mapBytes += TAR_BLOCK;
    for (let i = 0; i < TAR_BLOCK; i++) {
      const byte = block[i] ?? 0;
      if (byte !== 0x0a) {
        this.#digits += String.fromCharCode(byte);
        if (this.#digits.length > 16) throw formatInvalid("a sparse map's number is too long");
        continue;
      }
      const number = paxInteger(Buffer.from(this.#digits, "latin1"), "sparse map");
      this.#digits = "";
      if (this.#count === undefined) this.#count = number;
      else this.parts.push(number);
      if (this.#count > MAX_SPARSE_PARTS) throw tooManyParts();
      if (this.parts.length === 2 * this.#count) return true;
    }
    return false;
  }
}

/**
 * Checks a map against the data that the archive holds for the file.
 *
 * @throws FormatError unless its parts ascend, lie within the file and add up to `storedBytes`.
 */
export function checkSparse(map: SparseMap, storedBytes: number): void {
  const { parts, realSize } = map;
  if (parts.length % 2 !== 0) throw formatInvalid("a sparse map ends in the middle of a part");
  if (parts.length > 2 * MAX_SPARSE_PARTS) throw tooManyParts();
  let end = 0;
  let stored = 0;
  for (let i = 0; i < parts.length; i += 2) {
    const offset = parts[i] ?? 0;
    const length = parts[i + 1] ?? 0;
    if (offset < end) throw formatInvalid("the parts of a sparse map overlap or are out of order");
    end = offset + length;
    stored += length;
    if (end > realSize) throw formatInvalid("a sparse map reaches past the end of its file");
  }
  if (stored !== storedBytes)
    throw formatInvalid(`a sparse map tells of ${stored} bytes, and there are ${storedBytes}`);
}

function readEntries(block: Buffer, start: number, count: number, parts: number[]): void {
  for (let i = 0; i < count; i++) {
    const at = start + i * ENTRY_BYTES;
    // An entry without offset and length ends the list.
    if (block[at] === 0 && block[at + 12] === 0) return;
    parts.push(numberAt(block, at, 12, "sparse offset"), numberAt(block, at + 12, 12, "sparse numbytes"));
  }
}

function tooManyParts(): Error {
  return formatLimit(`a sparse file of more than ${MAX_SPARSE_PARTS} parts`);
}
