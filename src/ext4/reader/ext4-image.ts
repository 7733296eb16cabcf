import { open, type FileHandle } from "node:fs/promises";
import { BangerError } from "../../lib/errors.ts";
import { displayName, type ByteString } from "../../model/byte-string.ts";
import { hasSuperblock } from "../geometry.ts";
import { formatUuid } from "../identity.ts";
import { EXT4_ROOT_INO } from "../inode-format.ts";
import { SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET } from "../superblock.ts";
import { blockRuns } from "./block-runs.ts";
import { parseDirectoryBlock, type NamedInode } from "./directory-block.ts";
import { damaged, Disk } from "./disk.ts";
import { parseInode, type Ext4Stat } from "./inode-fields.ts";
import { parseSuperblock, type SuperblockFields } from "./superblock-fields.ts";
import { usedRuns, type UsedRun } from "./used-runs.ts";
import { parseInodeXattrs, parseXattrBlock } from "./xattr-fields.ts";

/** MAXSYMLINKS of Linux. */
const MAX_LINKS_FOLLOWED = 40;
const MAX_TARGET_BYTES = 4096;
const MAX_DIRECTORY_BYTES = 2 ** 31;
const CHUNK_BYTES = 1024 ** 2;
/** Names that a walk keeps in mind at once: about 200 MB of them. */
const MAX_PENDING_NAMES = 2_000_000;
const MAX_PATH_BYTES = 1024 ** 2;

/**
 * Looks into an ext4 file system without mounting it. It may be anybody's: all that it says is checked before it is
 * followed, links are resolved within it, and what makes no sense is `EXT4_INVALID`. Checksums are not verified, and
 * what a journal still holds is not seen ({@link needsRecovery}).
 */
export class Ext4Image implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #disk: Disk;
  readonly #sb: SuperblockFields;

  private constructor(file: FileHandle, disk: Disk, sb: SuperblockFields) {
    this.#file = file;
    this.#disk = disk;
    this.#sb = sb;
  }

  static async open(path: string): Promise<Ext4Image> {
    const file = await open(path, "r");
    try {
      const disk = await Disk.over(file);
      return new Ext4Image(file, disk, parseSuperblock(await disk.read(SUPERBLOCK_OFFSET, SUPERBLOCK_BYTES)));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The volume was not unmounted: what is read may be older than what was written. */
  get needsRecovery(): boolean {
    return this.#sb.needsRecovery;
  }

  /** It was unmounted in order: what is read is all that was written. */
  get isClean(): boolean {
    return this.#sb.isClean;
  }

  get uuid(): string {
    return formatUuid(this.#sb.uuid);
  }

  get blockBytes(): number {
    return this.#sb.blockBytes;
  }

  /** Of the file system, which may be shorter than its file. */
  get sizeBytes(): number {
    return this.#sb.blocks * this.#sb.blockBytes;
  }

  get usedBytes(): number {
    return Math.max(0, this.#sb.blocks - this.#sb.freeBlocks) * this.#sb.blockBytes;
  }

  /** Blocks in use: what a copy of the volume needs to have. */
  async *usedRuns(): AsyncGenerator<UsedRun, void, undefined> {
    const reader = {
      sb: this.#sb,
      descriptor: (group: number) => this.#disk.read(this.#descriptorPosition(group), this.#sb.descriptorBytes),
      block: (diskBlock: number) => this.#block(diskBlock),
    };
    for await (const run of usedRuns(reader)) {
      if (run.block !== 0) this.#checkBlocks(run.block, run.blocks);
      yield run;
    }
  }

  async root(): Promise<Ext4Stat> {
    return this.inode(EXT4_ROOT_INO);
  }

  /**
   * What a path leads to. It is taken from the root, with links on the way followed, and the last one too if told so.
   *
   * @throws BangerError `PATH_NOT_FOUND`.
   */
  async find(path: ByteString, { followLast = true }: { followLast?: boolean } = {}): Promise<Ext4Stat> {
    const todo = path.split("/").reverse();
    const trail = [await this.root()];
    let followed = 0;
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      const here = trail.at(-1) ?? (await this.root());
      if (name === "") continue;
      if (here.type !== "directory") throw notFound(path);
      if (name === ".") continue;
      if (name === "..") {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const ino = await this.#lookUp(here, name);
      if (ino === undefined) throw notFound(path);
      const found = await this.inode(ino);
      const isLast = todo.every((rest) => rest === "");
      if (found.type !== "symlink" || (isLast && !followLast)) {
        trail.push(found);
        continue;
      }
      followed += 1;
      if (followed > MAX_LINKS_FOLLOWED) throw notFound(path, `more than ${MAX_LINKS_FOLLOWED} links on the way`);
      const target = await this.readLink(found);
      if (target.startsWith("/")) trail.length = 1;
      todo.push(...target.split("/").reverse());
    }
    return trail.at(-1) ?? (await this.root());
  }

  /** A directory's names in order, each with what it names. */
  async *entries(directory: Ext4Stat): AsyncGenerator<{ name: ByteString; stat: Ext4Stat }, void, undefined> {
    const names = await this.#sorted(directory, MAX_PENDING_NAMES);
    for (let next = names.pop(); next !== undefined; next = names.pop()) {
      yield { name: next.name, stat: await this.inode(next.ino) };
    }
  }

  /** A directory's names, in the order in which they stand on disk, each with its inode's number. */
  async *list(directory: Ext4Stat): AsyncGenerator<NamedInode, void, undefined> {
    if (directory.type !== "directory") throw notFound(`inode ${directory.ino}`, "it is no directory");
    if (directory.sizeBytes > MAX_DIRECTORY_BYTES) throw damaged(`inode ${directory.ino} is a directory too large`);
    const blocks = directory.sizeBytes / this.#sb.blockBytes;
    for await (const run of blockRuns(directory, this.#sb.blockBytes, (block) => this.#block(block))) {
      for (let i = 0; i < run.blocks && run.fileBlock + i < blocks; i += 1) {
        yield* parseDirectoryBlock(await this.#block(run.diskBlock + i), this.#sb.hasFileTypes);
      }
    }
  }

  /** All that has a name below a directory, the root unless told, depth first, by name; paths are from there. */
  async *walk(
    signal?: AbortSignal,
    from?: Ext4Stat,
  ): AsyncGenerator<{ path: ByteString; stat: Ext4Stat }, void, undefined> {
    const top = from ?? (await this.root());
    // A directory met twice is a circle, or a lie.
    const seen = new Set<number>([top.ino]);
    const first = await this.#sorted(top, MAX_PENDING_NAMES);
    const open = [{ path: "", entries: first }];
    let pending = first.length;
    for (let dir = open.at(-1); dir !== undefined; dir = open.at(-1)) {
      signal?.throwIfAborted();
      const entry = dir.entries.pop();
      if (entry === undefined) {
        open.pop();
        continue;
      }
      pending -= 1;
      const stat = await this.inode(entry.ino);
      const path = `${dir.path}/${entry.name}`;
      if (path.length > MAX_PATH_BYTES) throw damaged(`a path has more than ${MAX_PATH_BYTES} bytes`);
      yield { path, stat };
      if (stat.type !== "directory") continue;
      if (seen.has(entry.ino)) throw damaged(`the directory ${displayName(path)} stands in two places`);
      seen.add(entry.ino);
      const entries = await this.#sorted(stat, MAX_PENDING_NAMES - pending);
      pending += entries.length;
      open.push({ path, entries });
    }
  }

  async readLink(link: Ext4Stat): Promise<ByteString> {
    if (link.type !== "symlink" || link.sizeBytes > MAX_TARGET_BYTES) {
      throw damaged(`inode ${link.ino} is no link that can be read`);
    }
    if (link.sizeBytes < link.iBlock.length && !link.usesExtents)
      return link.iBlock.toString("latin1", 0, link.sizeBytes);
    let target = "";
    for await (const chunk of this.read(link)) target += chunk.toString("latin1");
    return target;
  }

  /** Content in chunks of up to 1 MiB, of a file or a link. Holes come as zeros. */
  async *read(file: Ext4Stat): AsyncGenerator<Buffer, void, undefined> {
    if (!file.isReadable || (file.type !== "file" && file.type !== "symlink")) {
      throw notFound(`inode ${file.ino}`, "it has no content that can be read (compressed, encrypted, or no file)");
    }
    const { blockBytes } = this.#sb;
    let done = 0;
    for await (const run of blockRuns(file, blockBytes, (block) => this.#block(block))) {
      yield* zeros(Math.min(run.fileBlock * blockBytes, file.sizeBytes) - done);
      done = Math.min(run.fileBlock * blockBytes, file.sizeBytes);
      const end = Math.min((run.fileBlock + run.blocks) * blockBytes, file.sizeBytes);
      this.#checkBlocks(run.diskBlock, run.blocks);
      for (let at = run.diskBlock * blockBytes; done < end;) {
        const bytes = Math.min(CHUNK_BYTES, end - done);
        yield await this.#disk.readContent(at, bytes);
        at += bytes;
        done += bytes;
      }
    }
    yield* zeros(file.sizeBytes - done);
  }

  /** Extended attributes, as system calls show them. Values that have an inode of their own are left out. */
  async xattrs(inode: Ext4Stat): Promise<Map<ByteString, Buffer>> {
    const found = new Map<ByteString, Buffer>();
    parseInodeXattrs(inode.extra, found);
    if (inode.xattrBlock !== 0) parseXattrBlock(await this.#block(inode.xattrBlock), found);
    return found;
  }

  /** @throws BangerError `EXT4_INVALID` if there is no such inode. */
  async inode(ino: number): Promise<Ext4Stat> {
    const sb = this.#sb;
    if (ino < 1 || ino > sb.inodes) throw damaged(`there is no inode ${ino}`);
    const group = Math.floor((ino - 1) / sb.inodesPerGroup);
    const descriptor = await this.#disk.read(this.#descriptorPosition(group), sb.descriptorBytes);
    const table = descriptor.readUInt32LE(8) + (sb.descriptorBytes >= 64 ? descriptor.readUInt32LE(40) * 2 ** 32 : 0);
    const offset = ((ino - 1) % sb.inodesPerGroup) * sb.inodeBytes;
    this.#checkBlocks(table + Math.floor(offset / sb.blockBytes), 1);
    return parseInode(await this.#disk.read(table * sb.blockBytes + offset, sb.inodeBytes), ino);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  #descriptorPosition(group: number): number {
    const sb = this.#sb;
    const perBlock = sb.blockBytes / sb.descriptorBytes;
    const metaGroup = Math.floor(group / perBlock);
    const within = (group % perBlock) * sb.descriptorBytes;
    if (metaGroup < sb.firstMetaGroup) return (sb.firstDataBlock + 1 + metaGroup) * sb.blockBytes + within;
    // META_BG: each block of descriptors stands in the first group that it describes, behind a superblock if one is there.
    const first = metaGroup * perBlock;
    const behind = !sb.sparseSuper || hasSuperblock(first) ? 1 : 0;
    return (sb.firstDataBlock + first * sb.blocksPerGroup + behind) * sb.blockBytes + within;
  }

  async #lookUp(directory: Ext4Stat, name: ByteString): Promise<number | undefined> {
    for await (const entry of this.list(directory)) if (entry.name === name) return entry.ino;
    return undefined;
  }

  /** Last name first. */
  async #sorted(directory: Ext4Stat, most: number): Promise<NamedInode[]> {
    const entries: NamedInode[] = [];
    for await (const entry of this.list(directory)) {
      if (entries.length === most) throw damaged(`its directories hold more than ${MAX_PENDING_NAMES} names at once`);
      entries.push(entry);
    }
    return entries.sort((a, b) => (a.name < b.name ? 1 : -1));
  }

  async #block(diskBlock: number): Promise<Buffer> {
    this.#checkBlocks(diskBlock, 1);
    return this.#disk.read(diskBlock * this.#sb.blockBytes, this.#sb.blockBytes);
  }

  #checkBlocks(first: number, blocks: number): void {
    if (first < 1 || first + blocks > this.#sb.blocks) throw damaged(`it points to block ${first}`);
  }
}

/** @throws BangerError `EXT4_INVALID` if the file holds no ext4 that can be read. */
export async function openExt4(path: string): Promise<Ext4Image> {
  return Ext4Image.open(path);
}

function* zeros(bytes: number): Generator<Buffer, void, undefined> {
  const chunk = Buffer.alloc(Math.min(Math.max(bytes, 0), CHUNK_BYTES));
  for (let left = bytes; left > 0; left -= chunk.length) yield chunk.subarray(0, left);
}

function notFound(path: ByteString, why?: string): BangerError {
  return new BangerError("PATH_NOT_FOUND", {
    what: `there is no ${displayName(path)} in the image`,
    ...(why !== undefined && { why }),
    fix: "see what there is with `banger image ls-files`",
  });
}
