import { ScratchFile } from "../lib/scratch-file.ts";
import type { ByteString } from "./byte-string.ts";
import { EntryTable, type EntryId } from "./entry-table.ts";
import { PLAIN_ATTRIBUTES, type Attributes, type Inode, type InodeType } from "./inode.ts";
import { decodeInode, encodeInode, RECORD_ALIGNMENT, RECORD_HEAD_BYTES, recordLength } from "./inode-record.ts";

/** Names an inode of a tree: they are counted from 0, in the order in which they were added. */
export type InodeId = number;

const ROOT: InodeId = 0;
const TYPES: readonly InodeType[] = ["file", "directory", "symlink", "char", "block", "fifo", "socket"];
/** Set beside the type of what has no name any more. */
const GONE = 0x80;
const GROWTH = 1.5;

/**
 * A file system's names and attributes, and where the contents lie, never the contents themselves. One side builds it from
 * layers, another writes it out; they share nothing else.
 *
 * Images have a million files, so memory holds what is looked at again and again: the names of late, and some 25 bytes of
 * each file. What an inode says is asked for once, when it is written out, and is put away in a scratch file until then.
 * So any call may end in what the disk says (`ENOSPC`, `EIO`).
 */
export class FileTree implements Disposable {
  readonly root = ROOT;
  readonly #entries: EntryTable;
  readonly #records: ScratchFile;
  #types = new Uint8Array(1024);
  /** Of each record, in units of {@link RECORD_ALIGNMENT}: 32 bits tell a place in 32 GiB. */
  #places = new Uint32Array(1024);
  /** Of a directory the last of its entries, which form a circle; of others how many entries lead to it. */
  #links = new Uint32Array(1024);
  #count = 0;
  #drops = 0;

  /** @param scratch a folder for what memory should not hold. */
  constructor(scratch: string, root: Attributes = PLAIN_ATTRIBUTES) {
    this.#entries = new EntryTable(scratch);
    this.#records = new ScratchFile(scratch);
    this.#append({ ...root, type: "directory" });
  }

  [Symbol.dispose](): void {
    this.#entries[Symbol.dispose]();
    this.#records[Symbol.dispose]();
  }

  /** How many inodes have been added, also of those that have no name any more. */
  get inodeCount(): number {
    return this.#count;
  }

  /** How often a name was taken away, or given to something else: until then what a path leads to stays the same. */
  get dropCount(): number {
    return this.#drops;
  }

  /** Gives a new inode a name, in place of what had the name before. */
  add(parent: InodeId, name: ByteString, inode: Inode): EntryId {
    return this.#name(parent, name, this.#append(inode));
  }

  /** Gives an inode one more name: a hard link. Directories have one only. */
  link(parent: InodeId, name: ByteString, inode: InodeId): EntryId {
    if (this.typeOf(inode) === "directory") throw new Error("a directory cannot have two names");
    return this.#name(parent, name, inode);
  }

  /** Takes a name away, with all that stands below it. */
  unlink(entry: EntryId): void {
    const inode = this.#entries.inodeOf(entry);
    this.#entries.setInode(entry, 0);
    if (inode !== 0) this.#drop(inode);
  }

  /** The entry of this name, or 0. */
  find(parent: InodeId, name: ByteString): EntryId {
    const entry = this.#entries.find(parent, name);
    return entry !== 0 && this.#entries.inodeOf(entry) !== 0 ? entry : 0;
  }

  /** What a name leads to. */
  lookup(parent: InodeId, name: ByteString): InodeId | undefined {
    const entry = this.find(parent, name);
    return entry === 0 ? undefined : this.inodeOf(entry);
  }

  /** The entries of a directory, in the order in which their names were first given. */
  *entriesOf(directory: InodeId): Generator<EntryId, void, undefined> {
    const last = this.#links[directory] ?? 0;
    if (last === 0) return;
    for (let entry = this.#entries.nextOf(last); ; entry = this.#entries.nextOf(entry)) {
      if (this.#entries.inodeOf(entry) !== 0) yield entry;
      if (entry === last) return;
    }
  }

  nameOf(entry: EntryId): ByteString {
    return this.#entries.nameOf(entry);
  }

  inodeOf(entry: EntryId): InodeId {
    return this.#entries.inodeOf(entry);
  }

  /** What the builder has noted of the entry with {@link setStamp}; 0 at first. */
  stampOf(entry: EntryId): number {
    return this.#entries.stampOf(entry);
  }

  /** @param stamp 0 to 65535. */
  setStamp(entry: EntryId, stamp: number): void {
    this.#entries.setStamp(entry, stamp);
  }

  typeOf(inode: InodeId): InodeType {
    const type = TYPES[(this.#types[inode] ?? GONE) & ~GONE];
    if (type === undefined || inode >= this.#count) throw new Error(`there is no inode ${inode}`);
    return type;
  }

  /** Whether the tree still has the inode. */
  has(inode: InodeId): boolean {
    return inode < this.#count && ((this.#types[inode] ?? GONE) & GONE) === 0;
  }

  /** How many names it has: of a directory one, the root's counted. */
  linksOf(inode: InodeId): number {
    return this.typeOf(inode) === "directory" ? 1 : (this.#links[inode] ?? 0);
  }

  /** What the inode says, as it was given. */
  read(inode: InodeId): Inode {
    const type = this.typeOf(inode);
    const place = (this.#places[inode] ?? 0) * RECORD_ALIGNMENT;
    const record = this.#records.read(place, RECORD_HEAD_BYTES);
    const length = recordLength(record);
    return decodeInode(type, length <= record.length ? record : this.#records.read(place, length));
  }

  /** Gives a directory other attributes: a layer can describe one that is there already. */
  describe(directory: InodeId, attributes: Attributes): void {
    if (this.typeOf(directory) !== "directory") throw new Error("only directories are described again");
    this.#places[directory] = this.#putAway({ ...attributes, type: "directory" });
  }

  #name(parent: InodeId, name: ByteString, inode: InodeId): EntryId {
    if (this.typeOf(parent) !== "directory") throw new Error("only directories have entries");
    const entry = this.#entries.obtain(parent, name);
    if (this.#entries.nextOf(entry) === 0) this.#chain(parent, entry);
    if (this.typeOf(inode) !== "directory") this.#links[inode] = this.linksOf(inode) + 1;
    const before = this.#entries.inodeOf(entry);
    this.#entries.setInode(entry, inode);
    if (before !== 0) this.#drop(before);
    return entry;
  }

  /** Puts an entry behind the directory's others. */
  #chain(directory: InodeId, entry: EntryId): void {
    const last = this.#links[directory] ?? 0;
    this.#entries.setNext(entry, last === 0 ? entry : this.#entries.nextOf(last));
    if (last !== 0) this.#entries.setNext(last, entry);
    this.#links[directory] = entry;
  }

  /** One name less. A directory goes with all below it: its entries lead on, but nothing leads to them. */
  #drop(dropped: InodeId): void {
    this.#drops += 1;
    // A list, not recursion: trees come from outside and may be thousands of levels deep.
    const directories: InodeId[] = [];
    const drop = (inode: InodeId): void => {
      if (this.typeOf(inode) === "directory") {
        this.#types[inode] = (this.#types[inode] ?? 0) | GONE;
        directories.push(inode);
        return;
      }
      const links = this.linksOf(inode) - 1;
      this.#links[inode] = links;
      if (links === 0) this.#types[inode] = (this.#types[inode] ?? 0) | GONE;
    };
    drop(dropped);
    for (let at = directories.pop(); at !== undefined; at = directories.pop()) {
      for (const entry of this.entriesOf(at)) drop(this.inodeOf(entry));
    }
  }

  #append(inode: Inode): InodeId {
    const id = this.#count;
    if (id === this.#types.length) {
      this.#types = grown(this.#types, new Uint8Array(id * GROWTH));
      this.#places = grown(this.#places, new Uint32Array(id * GROWTH));
      this.#links = grown(this.#links, new Uint32Array(id * GROWTH));
    }
    this.#places[id] = this.#putAway(inode);
    this.#types[id] = TYPES.indexOf(inode.type);
    this.#count += 1;
    return id;
  }

  #putAway(inode: Inode): number {
    const place = this.#records.append(encodeInode(inode)) / RECORD_ALIGNMENT;
    if (place >= 2 ** 32) throw new Error("the inodes of a tree take more than 32 GiB");
    return place;
  }
}

function grown<T extends Uint8Array | Uint32Array>(before: T, after: T): T {
  after.set(before);
  return after;
}
