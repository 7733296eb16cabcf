import {
  link,
  newDirectory,
  PLAIN_DIRECTORY,
  unlink,
  type Attributes,
  type ByteString,
  type DirectoryInode,
  type Inode,
} from "../model/file-tree.ts";
import { checkMadeName } from "./entry-path.ts";
import { tarInvalid, tarLimit } from "./tar-error.ts";

/** As many symbolic links as Linux follows in one path (MAXSYMLINKS). */
const MAX_SYMLINKS = 40;
/** Bound on nesting: links on the way can lead deeper than one path is long. */
const MAX_DEPTH = 2048;

/** A directory with the way to it, so that `..` in links, which stops at the root, can be followed. */
interface Place {
  readonly directory: DirectoryInode;
  readonly name: ByteString;
  readonly parent: Place | undefined;
  readonly depth: number;
}

/**
 * The tree under one layer that is being applied: changes it by path, with links on the way resolved inside the
 * image, and remembers which names the layer wrote, since whiteouts hide only what is from the layers below.
 */
export class LayerTree {
  readonly #root: Place;
  /** Names that this layer wrote, ancestors too; undefined for the lowest layer, which hides nothing. */
  readonly #written: Map<DirectoryInode, Set<ByteString>> | undefined;

  constructor(root: DirectoryInode, layerIndex: number) {
    this.#root = { directory: root, name: "", parent: undefined, depth: 0 };
    this.#written = layerIndex === 0 ? undefined : new Map();
  }

  /** Gives the root its attributes. */
  describeRoot(attributes: Attributes): void {
    describe(this.#root.directory, attributes);
  }

  /** A directory entry: describes the one that is there, or stands in place of anything else. */
  putDirectory(names: readonly ByteString[], attributes: Attributes, path: ByteString): void {
    const { place, name } = this.#parentOf(names, path);
    const there = place.directory.entries.get(name);
    if (there?.type === "directory") {
      describe(there, attributes);
      this.#wrote(place, name);
    } else {
      this.#put(place, name, newDirectory(attributes));
    }
  }

  /** Any other entry, in place of what had its name: a directory goes with all below it. */
  put(names: readonly ByteString[], inode: Inode, path: ByteString): void {
    const { place, name } = this.#parentOf(names, path);
    this.#put(place, name, inode);
  }

  /** Removes what has this name, of this layer or one below. */
  remove(names: readonly ByteString[], path: ByteString): void {
    const { place, name } = this.#parentOf(names, path);
    unlink(place.directory, name);
  }

  /** @throws TarError if the target is missing, is a directory, or is the link itself. */
  putHardLink(names: readonly ByteString[], target: ByteString, path: ByteString): void {
    const { place, name } = this.#parentOf(names, path);
    const targetNames = target.split("/").filter((n) => n !== "" && n !== ".");
    const targetName = targetNames.pop();
    if (targetName === undefined || targetName === "..") throw tarInvalid("a hard link to a directory", path);
    const targetPlace = this.#walk(targetNames, false, path);
    const inode = targetPlace?.directory.entries.get(targetName);
    if (inode === undefined) throw tarInvalid("a hard link to a file that is not there", path);
    if (inode.type === "directory") throw tarInvalid("a hard link to a directory", path);
    if (targetPlace?.directory === place.directory && targetName === name) {
      throw tarInvalid("a hard link to itself", path);
    }
    this.#put(place, name, inode);
  }

  /** Hides a name of the layers below; what this layer wrote there stays. */
  whiteout(parents: readonly ByteString[], name: ByteString, path: ByteString): void {
    if (this.#written === undefined) return;
    const directory = this.#walk(parents, false, path)?.directory;
    const hidden = directory?.entries.get(name);
    if (directory === undefined || hidden === undefined) return;
    if (!this.#isWritten(directory, name)) unlink(directory, name);
    else if (hidden.type === "directory") this.#clearLower(hidden);
  }

  /** Hides all that the layers below have in a directory. */
  opaque(parents: readonly ByteString[], path: ByteString): void {
    if (this.#written === undefined) return;
    const place = this.#walk(parents, false, path);
    if (place !== undefined) this.#clearLower(place.directory);
  }

  #put(place: Place, name: ByteString, inode: Inode): void {
    if (place.depth >= MAX_DEPTH) throw tarLimit(`directories are nested more than ${MAX_DEPTH} deep`, name);
    link(place.directory, ownString(name), inode);
    this.#wrote(place, name);
  }

  #wrote(place: Place, name: ByteString): void {
    if (this.#written === undefined) return;
    let child = name;
    for (let at: Place | undefined = place; at !== undefined; at = at.parent) {
      const names = this.#written.get(at.directory);
      if (names?.has(child) === true) return;
      if (names === undefined) this.#written.set(at.directory, new Set([ownString(child)]));
      else names.add(ownString(child));
      child = at.name;
    }
  }

  #isWritten(directory: DirectoryInode, name: ByteString): boolean {
    return this.#written?.get(directory)?.has(name) === true;
  }

  #clearLower(from: DirectoryInode): void {
    const open = [from];
    for (let directory = open.pop(); directory !== undefined; directory = open.pop()) {
      for (const [name, child] of directory.entries) {
        if (!this.#isWritten(directory, name)) unlink(directory, name);
        else if (child.type === "directory") open.push(child);
      }
    }
  }

  #parentOf(names: readonly ByteString[], path: ByteString): { place: Place; name: ByteString } {
    const name = names[names.length - 1];
    const place = this.#walk(names.slice(0, -1), true, path);
    if (name === undefined || place === undefined) throw new Error("the root has no parent");
    return { place, name };
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
      let next = at.directory.entries.get(name);
      if (next === undefined) {
        if (!make) return undefined;
        checkMadeName(name, path);
        next = newDirectory(PLAIN_DIRECTORY);
        this.#put(at, name, next);
      }
      if (next.type === "symlink") {
        links += 1;
        if (links > MAX_SYMLINKS) throw tarInvalid(`more than ${MAX_SYMLINKS} symbolic links on its path`, path);
        if (next.target.startsWith("/")) at = this.#root;
        for (const part of next.target.split("/").toReversed()) ahead.push(part);
        continue;
      }
      if (next.type !== "directory") {
        if (!make) return undefined;
        throw tarInvalid("a file stands where its path needs a directory", path);
      }
      at = { directory: next, name, parent: at, depth: at.depth + 1 };
    }
    return at;
  }
}

function describe(directory: DirectoryInode, attributes: Attributes): void {
  directory.mode = attributes.mode;
  directory.uid = attributes.uid;
  directory.gid = attributes.gid;
  directory.mtimeSeconds = attributes.mtimeSeconds;
  directory.mtimeNanoseconds = attributes.mtimeNanoseconds;
  directory.xattrs = attributes.xattrs;
}

/** A copy that does not keep alive the longer string that it was sliced from; V8 slices from 13 characters on. */
function ownString(name: ByteString): ByteString {
  return name.length < 13 ? name : Buffer.from(name, "latin1").toString("latin1");
}
