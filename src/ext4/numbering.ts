import type { EntryId } from "../model/entry-table.ts";
import type { FileTree, InodeId } from "../model/file-tree.ts";
import { PLAIN_DIRECTORY } from "../model/inode.ts";
import type { DirectoryEntry, EntryList } from "./directory.ts";
import { EXT4_FIRST_INO, EXT4_ROOT_INO } from "./inode-format.ts";

/** No inode. */
export const NONE: InodeId = -1;
const LOST_AND_FOUND = "lost+found";
/** So many entries of a directory are made at once and kept while it is laid out; of a larger one, each when asked for. */
const FEW_ENTRIES = 4096;

/** The numbers of a tree's inodes, without a gap, in the order in which they came into the tree. */
export class Numbering {
  readonly #tree: FileTree;
  /** By id; 0 for what the tree has no more. */
  readonly #numbers: Uint32Array;
  /** Of directories, the number of the one that holds them. */
  readonly #parents: Uint32Array;
  readonly #lostAndFound: InodeId;
  #last = EXT4_FIRST_INO - 1;

  /** Number 11 is lost+found, by custom: the tree's own or, where it has none, an empty one that it gets. */
  constructor(tree: FileTree) {
    this.#tree = tree;
    this.#lostAndFound = lostAndFoundOf(tree);
    this.#numbers = new Uint32Array(tree.inodeCount);
    this.#parents = new Uint32Array(tree.inodeCount);
    this.#numbers[tree.root] = EXT4_ROOT_INO;
    this.#parents[tree.root] = EXT4_ROOT_INO;
    for (let inode = this.first; inode !== NONE; inode = this.after(inode)) {
      this.#last += 1;
      this.#numbers[inode] = this.#last;
    }
  }

  /** The highest number. */
  get last(): number {
    return this.#last;
  }

  /** Which inode has the number {@link EXT4_FIRST_INO}. */
  get first(): InodeId {
    return this.#lostAndFound;
  }

  /** Which one has the next number; {@link NONE} behind the last. A directory comes before what it holds. */
  after(inode: InodeId): InodeId {
    let next = inode === this.#lostAndFound ? this.#tree.root + 1 : inode + 1;
    while (next === this.#lostAndFound || (next < this.#tree.inodeCount && !this.#tree.has(next))) next += 1;
    return next < this.#tree.inodeCount ? next : NONE;
  }

  numberOf(inode: InodeId): number {
    return this.#numbers[inode] ?? 0;
  }

  /** The number of the directory that holds this one, once {@link entriesOf} has been asked for that. */
  parentOf(directory: InodeId): number {
    return this.#parents[directory] ?? 0;
  }

  /** A directory's entries as they will stand on disk. */
  entriesOf(directory: InodeId): EntryList {
    const tree = this.#tree;
    const entries = Uint32Array.from(tree.entriesOf(directory));
    for (const entry of entries) this.#parents[tree.inodeOf(entry)] = this.numberOf(directory);
    const make = (entry: EntryId): DirectoryEntry => {
      const inode = tree.inodeOf(entry);
      return { name: tree.nameOf(entry), ino: this.numberOf(inode), type: tree.typeOf(inode) };
    };
    const made = entries.length <= FEW_ENTRIES ? Array.from(entries, make) : [];
    return { length: entries.length, at: (index) => made[index] ?? make(entries[index] ?? 0) };
  }
}

/** e2fsck puts what has lost its name here; only root may look. */
function lostAndFoundOf(tree: FileTree): InodeId {
  const entry =
    tree.find(tree.root, LOST_AND_FOUND) || tree.add(tree.root, LOST_AND_FOUND, { ...PLAIN_DIRECTORY, mode: 0o700 });
  return tree.inodeOf(entry);
}
