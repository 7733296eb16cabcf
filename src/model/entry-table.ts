import { randomBytes } from "node:crypto";
import { HalfSipHash } from "../lib/half-siphash.ts";
import type { ByteString } from "./byte-string.ts";

/** Names a directory's entry. 0 names none. */
export type EntryId = number;

/** An entry's record: numbers, then its name. */
const DIRECTORY_AT = 0;
const INODE_AT = 4;
const NEXT_AT = 8;
const STAMP_AT = 12;
const LENGTH_AT = 14;
const NAME_AT = 15;

const CHUNK_BYTES = 256 * 1024;
const FIRST_SLOTS = 1024;
/** Names on ext4, XFS, and nearly all others. */
const MAX_NAME_BYTES = 255;

/**
 * The entries of all of a tree's directories in one hash table: a million take about 40 bytes each, where a Map for each
 * directory would take 80. An entry is never removed; one that leads nowhere stays for the name's next use.
 */
export class EntryTable {
  readonly #hash = new HalfSipHash(randomBytes(8));
  readonly #chunks: Buffer[] = [];
  /** Where the next record goes: an entry's id is its record's place, all chunks counted. The first is not at 0. */
  #end = NAME_AT;
  /** Ids by hash, each at the first free slot from its own on; a power of two. */
  #slots = new Uint32Array(FIRST_SLOTS);
  #count = 0;

  /** How many there are, also of those that lead nowhere. */
  get count(): number {
    return this.#count;
  }

  /** The entry of this name, or 0. */
  find(directory: number, name: ByteString): EntryId {
    return this.#slots[this.#slotOf(directory, name)] ?? 0;
  }

  /** A new entry, which leads nowhere. The directory must have none of this name, and the name 1 to 255 bytes. */
  add(directory: number, name: ByteString): EntryId {
    if (name.length === 0 || name.length > MAX_NAME_BYTES) throw new Error(`a name of ${name.length} bytes`);
    if (this.#count >= this.#slots.length * 0.75) this.#grow();
    const id = this.#reserve(NAME_AT + name.length);
    const chunk = this.#chunkOf(id);
    const at = id % CHUNK_BYTES;
    chunk.writeUInt32LE(directory, at + DIRECTORY_AT);
    chunk.writeUInt8(name.length, at + LENGTH_AT);
    chunk.write(name, at + NAME_AT, "latin1");
    this.#slots[this.#slotOf(directory, name)] = id;
    this.#count += 1;
    return id;
  }

  nameOf(entry: EntryId): ByteString {
    const chunk = this.#chunkOf(entry);
    const at = entry % CHUNK_BYTES;
    return chunk.toString("latin1", at + NAME_AT, at + NAME_AT + (chunk[at + LENGTH_AT] ?? 0));
  }

  directoryOf(entry: EntryId): number {
    return this.#read(entry, DIRECTORY_AT);
  }

  /** What the entry leads to; 0 where it leads nowhere. */
  inodeOf(entry: EntryId): number {
    return this.#read(entry, INODE_AT);
  }

  setInode(entry: EntryId, inode: number): void {
    this.#chunkOf(entry).writeUInt32LE(inode, (entry % CHUNK_BYTES) + INODE_AT);
  }

  /** The entry that {@link setNext} has set. */
  nextOf(entry: EntryId): EntryId {
    return this.#read(entry, NEXT_AT);
  }

  setNext(entry: EntryId, next: EntryId): void {
    this.#chunkOf(entry).writeUInt32LE(next, (entry % CHUNK_BYTES) + NEXT_AT);
  }

  /** A number that is kept with the entry, 0 at first. */
  stampOf(entry: EntryId): number {
    return this.#chunkOf(entry).readUInt16LE((entry % CHUNK_BYTES) + STAMP_AT);
  }

  /** @param stamp 0 to 65535. */
  setStamp(entry: EntryId, stamp: number): void {
    this.#chunkOf(entry).writeUInt16LE(stamp, (entry % CHUNK_BYTES) + STAMP_AT);
  }

  /** The slot of the entry of this name, or the free one where it belongs. */
  #slotOf(directory: number, name: ByteString): number {
    const mask = this.#slots.length - 1;
    for (let slot = this.#hash.hash(directory, name) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] ?? 0;
      if (entry === 0 || this.#is(entry, directory, name)) return slot;
    }
  }

  #is(entry: EntryId, directory: number, name: ByteString): boolean {
    const chunk = this.#chunkOf(entry);
    const at = entry % CHUNK_BYTES;
    if (chunk.readUInt32LE(at + DIRECTORY_AT) !== directory || chunk[at + LENGTH_AT] !== name.length) return false;
    for (let i = 0; i < name.length; i += 1) if (chunk[at + NAME_AT + i] !== name.charCodeAt(i)) return false;
    return true;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    for (const entry of before) {
      if (entry !== 0) this.#slots[this.#slotOf(this.directoryOf(entry), this.nameOf(entry))] = entry;
    }
  }

  /** Room for a record, in one chunk. */
  #reserve(bytes: number): EntryId {
    if ((this.#end % CHUNK_BYTES) + bytes > CHUNK_BYTES) this.#end = this.#chunks.length * CHUNK_BYTES;
    if (this.#end >= this.#chunks.length * CHUNK_BYTES) this.#chunks.push(Buffer.alloc(CHUNK_BYTES));
    const id = this.#end;
    this.#end += bytes;
    if (this.#end > 2 ** 32) throw new Error("a table of entries has more than 4 GiB");
    return id;
  }

  #read(entry: EntryId, field: number): number {
    return this.#chunkOf(entry).readUInt32LE((entry % CHUNK_BYTES) + field);
  }

  #chunkOf(entry: EntryId): Buffer {
    const chunk = this.#chunks[Math.floor(entry / CHUNK_BYTES)];
    if (chunk === undefined) throw new Error(`there is no entry ${entry}`);
    return chunk;
  }
}
