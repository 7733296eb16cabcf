import { BangerError } from "../lib/errors.ts";
import { crc32c, crc32cOfU32 } from "./crc32c.ts";
import {
  DOTS_BYTES,
  fillLeaf,
  LEAF_BYTES,
  recordBytes,
  writeEntry,
  type DirectoryPlace,
  type EntryList,
} from "./directory.ts";
import { BLOCK_BYTES } from "./geometry.ts";
import type { NameHash } from "./half-md4.ts";

/** struct dx_root, dx_node, dx_entry, dx_tail (Linux, fs/ext4/namei.c). */
const DX_ENTRY_BYTES = 8;
const DX_TAIL_BYTES = 8;
const DX_ROOT_INFO_BYTES = 8;
/** DX_HASH_HALF_MD4; whether bytes are signed stands in the superblock. */
export const DX_HASH_HALF_MD4 = 1;
/** Where the index entries begin: behind `.`, `..` and dx_root_info; behind one fake entry. */
const ROOT_OFFSET = DOTS_BYTES + DX_ROOT_INFO_BYTES;
const NODE_OFFSET = 8;
const ROOT_LIMIT = (BLOCK_BYTES - ROOT_OFFSET - DX_TAIL_BYTES) / DX_ENTRY_BYTES;
const NODE_LIMIT = (BLOCK_BYTES - NODE_OFFSET - DX_TAIL_BYTES) / DX_ENTRY_BYTES;

/**
 * The most entries of a directory: a place in the list and half a hash, which is even, make up one exact number. Two levels
 * of index hold less, unless names are short.
 */
const MAX_ENTRIES = 2 ** 22;

interface Leaf {
  /** Lowest hash in it; the lowest bit says that the leaf before ends with the same hash. */
  readonly hash: number;
  /** Entries by hash: {@link hashOf}, {@link placeOf}. */
  readonly keys: Float64Array;
}

interface Child {
  readonly hash: number;
  readonly block: number;
}

/**
 * A directory with an index: root, then nodes (if the root cannot hold all), then leaves in the order of their hashes.
 * Yields its blocks in order; each is one's own only until the next is asked for.
 *
 * @throws BangerError `EXT4_LIMIT` if two levels of index do not suffice.
 */
export function* htreeBlocks(
  entries: EntryList,
  place: DirectoryPlace,
  hasher: NameHash,
): Generator<Buffer, void, undefined> {
  if (entries.length > MAX_ENTRIES) throw tooLarge(entries.length);
  const leaves = packLeaves(entries, hasher);
  const nodes = leaves.length <= ROOT_LIMIT ? 0 : Math.ceil(leaves.length / NODE_LIMIT);
  if (nodes > ROOT_LIMIT) throw tooLarge(entries.length);

  const toLeaf = leaves.map(({ hash }, i) => ({ hash, block: 1 + nodes + i }));
  const parts = Array.from({ length: nodes }, (_, i) => toLeaf.slice(i * NODE_LIMIT, (i + 1) * NODE_LIMIT));
  const toNode = parts.map((part, i) => ({ hash: part[0]?.hash ?? 0, block: 1 + i }));

  const block = Buffer.alloc(BLOCK_BYTES);
  encodeRoot(block, nodes === 0 ? toLeaf : toNode, nodes === 0 ? 0 : 1, place);
  yield block;
  for (const part of parts) {
    block.fill(0);
    block.writeUInt16LE(BLOCK_BYTES, 4);
    encodeIndex(block, NODE_OFFSET, NODE_LIMIT, part, place.seed);
    yield block;
  }
  for (const leaf of leaves) {
    block.fill(0);
    const held = Array.from(leaf.keys, (key) => entries.at(placeOf(key)));
    fillLeaf(block, held, place.seed);
    yield block;
  }
}

/** Entries in the order of their hashes, as many to a leaf as fit. Numbers only: a directory may have a million. */
function packLeaves(entries: EntryList, hasher: NameHash): Leaf[] {
  const keys = new Float64Array(entries.length);
  for (let i = 0; i < keys.length; i += 1) keys[i] = (hasher.hash(entries.at(i).name).major / 2) * MAX_ENTRIES + i;
  keys.sort();
  const leaves: Leaf[] = [];
  let from = 0;
  let bytes = 0;
  let hash = 0;
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i] ?? 0;
    const more = recordBytes(entries.at(placeOf(key)).name);
    if (bytes + more > LEAF_BYTES) {
      leaves.push({ hash, keys: keys.subarray(from, i) });
      const last = hashOf(keys[i - 1] ?? 0);
      hash = hashOf(key) === last ? last + 1 : hashOf(key);
      from = i;
      bytes = 0;
    }
    bytes += more;
  }
  leaves.push({ hash, keys: keys.subarray(from) });
  return leaves;
}

function hashOf(key: number): number {
  return Math.floor(key / MAX_ENTRIES) * 2;
}

function placeOf(key: number): number {
  return key % MAX_ENTRIES;
}

function encodeRoot(block: Buffer, children: readonly Child[], levels: number, place: DirectoryPlace): void {
  writeEntry(block, 0, { name: ".", ino: place.ino, type: "directory" }, DOTS_BYTES / 2);
  // To those who know no index, the rest of the block is the slack of `..`.
  writeEntry(block, DOTS_BYTES / 2, { name: "..", ino: place.parentIno, type: "directory" }, BLOCK_BYTES - 12);
  block.writeUInt8(DX_HASH_HALF_MD4, DOTS_BYTES + 4);
  block.writeUInt8(DX_ROOT_INFO_BYTES, DOTS_BYTES + 5);
  block.writeUInt8(levels, DOTS_BYTES + 6);
  encodeIndex(block, ROOT_OFFSET, ROOT_LIMIT, children, place.seed);
}

/** dx_countlimit stands in the hash of the first entry, which is 0 by its meaning. */
function encodeIndex(block: Buffer, offset: number, limit: number, children: readonly Child[], seed: number): void {
  children.forEach(({ hash, block: child }, i) => {
    block.writeUInt32LE(hash, offset + i * DX_ENTRY_BYTES);
    block.writeUInt32LE(child, offset + i * DX_ENTRY_BYTES + 4);
  });
  block.writeUInt16LE(limit, offset);
  block.writeUInt16LE(children.length, offset + 2);
  // ext4_dx_csum: the entries in use, then the tail with its checksum taken as 0.
  const used = crc32c(seed, block, 0, offset + children.length * DX_ENTRY_BYTES);
  block.writeUInt32LE(crc32cOfU32(crc32cOfU32(used, 0), 0), offset + limit * DX_ENTRY_BYTES + 4);
}

function tooLarge(entries: number): BangerError {
  return new BangerError("EXT4_LIMIT", {
    what: `a directory of ${entries} entries is too large for ext4`,
    why: `it has more than ${MAX_ENTRIES} entries, or its index more than two levels (${ROOT_LIMIT * NODE_LIMIT} blocks of names)`,
    fix: "use an image whose files are spread over more directories",
  });
}
