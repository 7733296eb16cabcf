import type { ByteString } from "../../model/byte-string.ts";
import type { EntryId } from "../../model/entry-table.ts";
import type { FileTree, InodeId } from "../../model/file-tree.ts";
import { PLAIN_DIRECTORY, type Attributes, type Inode } from "../../model/inode.ts";
import { checkMadeName, type EntryPath } from "./entry-path.ts";
import type { ImportBudget } from "./import-budget.ts";
import { formatInvalid, formatLimit } from "../../formats/format-error.ts";

/** As many symbolic links as Linux follows in one path (MAXSYMLINKS). */
const MAX_SYMLINKS = 40;
/** Bound on nesting: links on the way can lead deeper than one path is long. */
const MAX_DEPTH = 2048;

/** What an entry's stamp says beside the number of the layer that has set it, in its lowest two bits. */
const WRITTEN = 1;
const CLEARED = 2;

/** A directory with the way to it, so that `..` in links, which stops at the root, can be followed. */
interface Place {
  readonly directory: InodeId;
  /** The directory's own; 0 of the root. */
  readonly entry: EntryId;
  readonly parent: Place | undefined;
  readonly depth: number;
}

/**
 * The tree under one layer that is being applied: changes it by path, with links on the way resolved inside the
 * image, and marks which names the layer wrote, since whiteouts hide only what is from the layers below.
 */
export class LayerTree {
  readonly #tree: FileTree;
  readonly #root: Place;
  readonly #layer: number;
  readonly #budget: ImportBudget;
  #rootStamp: number;
  /** Where the last entry went: {@link EntryPathReader} gives its parents again. Good as long as the tree drops nothing. */
  #recent: { readonly parents: readonly ByteString[]; readonly place: Place; readonly drops: number } | undefined;

  /**
   * @param layer counted from 0; the lowest hides nothing.
   * @param budget is told of the directories that no entry describes.
   */
  constructor(tree: FileTree, layer: number, budget: ImportBudget) {
    this.#tree = tree;
    this.#layer = layer;
    this.#budget = budget;
    this.#rootStamp = layer << 2;
    this.#root = { directory: tree.root, entry: 0, parent: undefined, depth: 0 };
  }

  /** Gives the root its attributes. */
  describeRoot(attributes: Attributes): void {
    this.#tree.describe(this.#tree.root, attributes);
  }

  /** A directory entry: describes the one that is there, or stands in place of anything else. */
  putDirectory(at: EntryPath, attributes: Attributes): void {
    const { name } = at;
    const place = this.#parentOf(at);
    const entry = this.#tree.find(place.directory, name);
    if (entry === 0 || this.#typeAt(entry) !== "directory") {
      this.#put(place, name, { ...attributes, type: "directory" });
    } else {
      this.#tree.describe(this.#tree.inodeOf(entry), attributes);
      this.#wrote(place, entry);
    }
  }

  /** Any other entry, in place of what had its name: a directory goes with all below it. */
  put(at: EntryPath, inode: Inode): void {
    this.#put(this.#parentOf(at), at.name, inode);
  }

  /** Removes what has this name, of this layer or one below. */
  remove(at: EntryPath): void {
    const entry = this.#tree.find(this.#parentOf(at).directory, at.name);
    if (entry !== 0) this.#tree.unlink(entry);
  }

  /** @throws FormatError if the target is missing, is a directory, or is the link itself. */
  putHardLink(at: EntryPath, target: ByteString): void {
    const { name, text: path } = at;
    const place = this.#parentOf(at);
    const targetNames = target.split("/").filter((n) => n !== "" && n !== ".");
    const targetName = targetNames.pop();
    if (targetName === undefined || targetName === "..") throw formatInvalid("a hard link to a directory", path);
    const targetPlace = this.#walk(targetNames, false, path);
    const found = targetPlace === undefined ? 0 : this.#tree.find(targetPlace.directory, targetName);
    if (found === 0) throw formatInvalid("a hard link to a file that is not there", path);
    if (this.#typeAt(found) === "directory") throw formatInvalid("a hard link to a directory", path);
    if (found === this.#tree.find(place.directory, name)) throw formatInvalid("a hard link to itself", path);
    this.#checkDepth(place, name);
    this.#wrote(place, this.#tree.link(place.directory, name, this.#tree.inodeOf(found)));
  }

  /** Hides a name of the layers below; what this layer wrote there stays. */
  whiteout({ parents, name, text }: EntryPath): void {
    if (this.#layer === 0) return;
    const directory = this.#walk(parents, false, text)?.directory;
    const hidden = directory === undefined ? 0 : this.#tree.find(directory, name);
    if (hidden === 0) return;
    if (!this.#hasStamp(hidden, WRITTEN)) this.#tree.unlink(hidden);
    else if (this.#typeAt(hidden) === "directory") this.#clearLower(hidden);
  }

  /** Hides all that the layers below have in a directory. */
  opaque(parents: readonly ByteString[], path: ByteString): void {
    if (this.#layer === 0) return;
    const place = this.#walk(parents, false, path);
    if (place !== undefined) this.#clearLower(place.entry);
  }

  #put(place: Place, name: ByteString, inode: Inode): EntryId {
    this.#checkDepth(place, name);
    const entry = this.#tree.add(place.directory, name, inode);
    this.#wrote(place, entry);
    return entry;
  }

  #checkDepth(place: Place, name: ByteString): void {
    if (place.depth >= MAX_DEPTH) throw formatLimit(`directories are nested more than ${MAX_DEPTH} deep`, name);
  }

  /** Marks an entry, and those on the way to it. */
  #wrote(place: Place, written: EntryId): void {
    if (this.#layer === 0) return;
    let entry = written;
    for (let at: Place | undefined = place; at !== undefined && !this.#hasStamp(entry, WRITTEN); at = at.parent) {
      this.#addStamp(entry, WRITTEN);
      entry = at.entry;
    }
  }

  /**
   * @param top a directory's entry, or 0 for the root. What was cleared once has nothing of the layers below any more: it
   *        is not looked through again, however often a layer asks for it.
   */
  #clearLower(top: EntryId): void {
    const open = [top];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (this.#hasStamp(at, CLEARED)) continue;
      this.#addStamp(at, CLEARED);
      const directory = at === 0 ? this.#tree.root : this.#tree.inodeOf(at);
      for (const entry of this.#tree.entriesOf(directory)) {
        if (!this.#hasStamp(entry, WRITTEN)) this.#tree.unlink(entry);
        else if (this.#typeAt(entry) === "directory") open.push(entry);
      }
    }
  }

  #hasStamp(entry: EntryId, bit: number): boolean {
    const stamp = entry === 0 ? this.#rootStamp : this.#tree.stampOf(entry);
    return stamp >>> 2 === this.#layer && (stamp & bit) !== 0;
  }

  #addStamp(entry: EntryId, bit: number): void {
    const before = entry === 0 ? this.#rootStamp : this.#tree.stampOf(entry);
    const stamp = (this.#layer << 2) | (before >>> 2 === this.#layer ? before & 3 : 0) | bit;
    if (entry === 0) this.#rootStamp = stamp;
    else this.#tree.setStamp(entry, stamp);
  }

  #typeAt(entry: EntryId): Inode["type"] {
    return this.#tree.typeOf(this.#tree.inodeOf(entry));
  }

  #parentOf({ parents, name, text }: EntryPath): Place {
    if (name === "") throw new Error("the root has no parent");
    const recent = this.#recent;
    if (recent?.parents === parents && recent.drops === this.#tree.dropCount) return recent.place;
    const place = this.#walk(parents, true, text);
    if (place === undefined) throw new Error("a directory was not made");
    this.#recent = { parents, place, drops: this.#tree.dropCount };
    return place;
  }

  /**
   * Walks from the root along `names`, following links as a process would whose root this is.
   *
   * @param make whether directories that are missing are made; else undefined is returned.
   */
  #walk(names: readonly ByteString[], make: boolean, path: ByteString): Place | undefined {
    const ahead = names.toReversed();
    let links = 0;
    let at = this.#root;
    for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        at = at.parent ?? this.#root;
        continue;
      }
      let entry = this.#tree.find(at.directory, name);
      if (entry === 0) {
        if (!make) return undefined;
        checkMadeName(name, path);
        this.#budget.countDirectory(name, path);
        entry = this.#put(at, name, PLAIN_DIRECTORY);
      }
      const next = this.#tree.inodeOf(entry);
      const type = this.#tree.typeOf(next);
      if (type === "directory") {
        at = { directory: next, entry, parent: at, depth: at.depth + 1 };
        continue;
      }
      const link = type === "symlink" ? this.#tree.read(next) : undefined;
      if (link?.type !== "symlink") {
        if (!make) return undefined;
        throw formatInvalid("a file stands where its path needs a directory", path);
      }
      links += 1;
      if (links > MAX_SYMLINKS) throw formatInvalid(`more than ${MAX_SYMLINKS} symbolic links on its path`, path);
      if (link.target.startsWith("/")) at = this.#root;
      for (const part of link.target.split("/").toReversed()) ahead.push(part);
    }
    return at;
  }
}
