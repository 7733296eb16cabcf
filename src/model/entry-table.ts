import { randomBytes } from "node:crypto";
import { HalfSipHash } from "../lib/half-siphash.ts";
import { PagedMemory } from "../lib/paged-memory.ts";
import type { ByteString } from "./byte-string.ts";

/** Names a directory's entry. 0 names none. */
export type EntryId = number;

/** An entry's record: numbers, then its name, padded to a multiple of {@link ALIGNMENT}. */
const DIRECTORY_AT = 0;
const INODE_AT = 4;
const NEXT_AT = 8;
/** Of directory and name, so that the slots can be laid anew, and entries told apart, without the names. */
const HASH_AT = 12;
const STAMP_AT = 16;
const LENGTH_AT = 18;
const NAME_AT = 19;
const ALIGNMENT = 4;

const PAGE_BYTES = 128 * 1024;
/** 32 MiB: all of an image of a million files, if their names have some 17 bytes. */
const PAGES_HELD = 256;
const FIRST_SLOTS = 1024;
/** How full the slots may be. */
const MAX_LOAD = 0.75;
/** An id in a slot; the bits above it are the highest of the name's hash. */
const ID_BITS = 26;
const ID_MASK = 2 ** ID_BITS - 1;
/** Names on ext4, XFS, and nearly all others. */
const MAX_NAME_BYTES = 255;

/**
 * The entries of all of a tree's directories in one hash table. Those that were last looked at are in memory, and of the
 * others a few bytes, so that any number takes little. An entry is never removed; one that leads nowhere stays for the
 * name's next use.
 */
export class EntryTable implements Disposable {
  readonly #hash = new HalfSipHash(randomBytes(8));
  readonly #pages: PagedMemory;
  /** Where the next record goes: an entry's id is its record's place in units of {@link ALIGNMENT}, all pages counted. */
  #end = 1;
  /** Ids by hash, each at the first free slot from its own on; a power of two. */
  #slots = new Uint32Array(FIRST_SLOTS);
  #count = 0;

  /** @param scratch a folder for what memory should not hold. */
  constructor(scratch: string) {
    this.#pages = new PagedMemory(scratch, PAGE_BYTES, PAGES_HELD);
  }

  [Symbol.dispose](): void {
    this.#pages[Symbol.dispose]();
  }

  /** The entry of this name, or 0. */
  find(directory: number, name: ByteString): EntryId {
    return (this.#slots[this.#slotOf(directory, name, this.#hash.hash(directory, name))] ?? 0) & ID_MASK;
  }

  /** The entry of this name, made where there is none: then it leads nowhere. The name must have 1 to 255 bytes. */
  obtain(directory: number, name: ByteString): EntryId {
    const hash = this.#hash.hash(directory, name);
    const slot = this.#slotOf(directory, name, hash);
    const known = this.#slots[slot] ?? 0;
    if (known !== 0) return known & ID_MASK;
    const entry = this.#append(directory, name, hash);
    this.#slots[slot] = tagged(entry, hash);
    this.#count += 1;
    if (this.#count > this.#slots.length * MAX_LOAD) this.#grow();
    return entry;
  }

  nameOf(entry: EntryId): ByteString {
    const [page, at] = [this.#pageOf(entry), startOf(entry)];
    return page.toString("latin1", at + NAME_AT, at + NAME_AT + (page[at + LENGTH_AT] ?? 0));
  }

  /** What the entry leads to; 0 where it leads nowhere. */
  inodeOf(entry: EntryId): number {
    return this.#pageOf(entry).readUInt32LE(startOf(entry) + INODE_AT);
  }

  setInode(entry: EntryId, inode: number): void {
    this.#changeable(entry).writeUInt32LE(inode, startOf(entry) + INODE_AT);
  }

  /** The entry that {@link setNext} has set; 0 at first. */
  nextOf(entry: EntryId): EntryId {
    return this.#pageOf(entry).readUInt32LE(startOf(entry) + NEXT_AT);
  }

  setNext(entry: EntryId, next: EntryId): void {
    this.#changeable(entry).writeUInt32LE(next, startOf(entry) + NEXT_AT);
  }

  /** A number that is kept with the entry, 0 at first. */
  stampOf(entry: EntryId): number {
    return this.#pageOf(entry).readUInt16LE(startOf(entry) + STAMP_AT);
  }

  /** @param stamp 0 to 65535. */
  setStamp(entry: EntryId, stamp: number): void {
    this.#changeable(entry).writeUInt16LE(stamp, startOf(entry) + STAMP_AT);
  }

  /** The slot of the entry of this name, or the free one where it belongs. */
  #slotOf(directory: number, name: ByteString, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] ?? 0;
      // Records lie all over memory: most of those that are not meant are told by their few bits of hash.
      if (entry === 0) return slot;
      if (entry >>> ID_BITS === hash >>> ID_BITS && this.#is(entry & ID_MASK, directory, name, hash)) return slot;
    }
  }

  #is(entry: EntryId, directory: number, name: ByteString, hash: number): boolean {
    const [page, at] = [this.#pageOf(entry), startOf(entry)];
    if (page.readUInt32LE(at + HASH_AT) !== hash) return false;
    if (page.readUInt32LE(at + DIRECTORY_AT) !== directory || page[at + LENGTH_AT] !== name.length) return false;
    for (let i = 0; i < name.length; i += 1) if (page[at + NAME_AT + i] !== name.charCodeAt(i)) return false;
    return true;
  }

  #append(directory: number, name: ByteString, hash: number): EntryId {
    if (name.length === 0 || name.length > MAX_NAME_BYTES) throw new Error(`a name of ${name.length} bytes`);
    const entry = this.#reserve(recordUnits(name.length));
    const [page, at] = [this.#changeable(entry), startOf(entry)];
    page.writeUInt32LE(directory, at + DIRECTORY_AT);
    page.writeUInt32LE(hash, at + HASH_AT);
    page.writeUInt8(name.length, at + LENGTH_AT);
    page.write(name, at + NAME_AT, "latin1");
    return entry;
  }

  /** Room for a record, in one page. */
  #reserve(units: number): EntryId {
    if ((this.#end % PAGE_UNITS) + units > PAGE_UNITS) this.#end = this.#pages.pageCount * PAGE_UNITS;
    if (this.#end >= this.#pages.pageCount * PAGE_UNITS) this.#pages.addPage();
    const entry = this.#end;
    this.#end += units;
    if (this.#end > ID_MASK) throw new Error("a tree's names take more than 256 MiB");
    return entry;
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (const entry of this.#records()) {
      const hash = this.#pageOf(entry).readUInt32LE(startOf(entry) + HASH_AT);
      let slot = hash & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = tagged(entry, hash);
    }
  }

  /** All entries, in the order of their records. */
  *#records(): Generator<EntryId, void, undefined> {
    for (let entry = 1; entry < this.#end;) {
      const length = this.#pageOf(entry)[startOf(entry) + LENGTH_AT] ?? 0;
      if (length > 0) yield entry;
      // No name is empty: behind a page's last record there are zeros.
      entry = length > 0 ? entry + recordUnits(length) : (pageNumber(entry) + 1) * PAGE_UNITS;
    }
  }

  #pageOf(entry: EntryId): Buffer {
    return this.#pages.read(pageNumber(entry));
  }

  #changeable(entry: EntryId): Buffer {
    return this.#pages.change(pageNumber(entry));
  }
}

const PAGE_UNITS = PAGE_BYTES / ALIGNMENT;

function pageNumber(entry: EntryId): number {
  return Math.floor(entry / PAGE_UNITS);
}

/** Where an entry's record begins in its page. */
function startOf(entry: EntryId): number {
  return (entry % PAGE_UNITS) * ALIGNMENT;
}

function recordUnits(nameBytes: number): number {
  return Math.ceil((NAME_AT + nameBytes) / ALIGNMENT);
}

function tagged(entry: EntryId, hash: number): number {
  return ((hash >>> ID_BITS) << ID_BITS) | entry;
}
