import { BangerError } from "../lib/errors.ts";
import { newDirectory, PLAIN_DIRECTORY, type ByteString, type DirectoryInode, type Inode } from "../model/file-tree.ts";
import { EXT4_FIRST_INO, EXT4_ROOT_INO } from "./inode-format.ts";

const LOST_AND_FOUND = "lost+found";

/** Gives inodes their numbers, in the order in which they are met. Hard links get one together. */
export class Numbering {
  /** By number, from {@link EXT4_FIRST_INO} on. Grows while it is walked. */
  readonly inodes: Inode[] = [];
  /** Number of the directory that each was first met in. */
  readonly #parents: number[] = [];
  /** Only of those that are met more than once: a Map of all would be larger than the tree. */
  readonly #shared = new Map<Inode, number>();
  readonly #root: DirectoryInode;
  readonly #rootEntries: ReadonlyMap<ByteString, Inode>;

  /** Number 11 is lost+found, by custom: the tree's own or, where it has none, an empty one. */
  constructor(root: DirectoryInode) {
    this.#root = root;
    const found = root.entries.get(LOST_AND_FOUND) ?? newLostAndFound();
    this.#rootEntries = root.entries.has(LOST_AND_FOUND)
      ? root.entries
      : new Map(root.entries).set(LOST_AND_FOUND, found);
    if (found.type !== "directory") return;
    this.#shared.set(found, this.#add(found, EXT4_ROOT_INO));
  }

  get last(): number {
    return EXT4_FIRST_INO + this.inodes.length - 1;
  }

  /** A directory's entries as they will stand on disk. */
  entriesOf(dir: DirectoryInode): ReadonlyMap<ByteString, Inode> {
    return dir === this.#root ? this.#rootEntries : dir.entries;
  }

  /** The directory that holds this inode, whose number it is. */
  parentOf(ino: number): number {
    return this.#parents[ino - EXT4_FIRST_INO] ?? EXT4_ROOT_INO;
  }

  /** The number of an inode met in a directory. */
  numberOf(inode: Inode, parentIno: number): number {
    if (inode.links > 1 && inode.type === "directory") {
      throw new BangerError("EXT4_LIMIT", {
        what: "a directory has more than one name",
        fix: "give the directory one name, and the others symbolic links",
      });
    }
    const known = this.#shared.get(inode);
    if (known !== undefined) return known;
    const ino = this.#add(inode, parentIno);
    if (inode.links > 1) this.#shared.set(inode, ino);
    return ino;
  }

  #add(inode: Inode, parentIno: number): number {
    this.inodes.push(inode);
    this.#parents.push(parentIno);
    return this.last;
  }
}

/** e2fsck puts what has lost its name here; only root may look. */
function newLostAndFound(): DirectoryInode {
  const found = newDirectory({ ...PLAIN_DIRECTORY, mode: 0o700 });
  found.links = 1;
  return found;
}
