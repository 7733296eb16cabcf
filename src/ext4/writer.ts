import { open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { formatBytes, gib, mib, type Bytes } from "../lib/bytes.ts";
import { removeFile, setFileSize } from "../lib/destroy.ts";
import { BangerError, hasErrno } from "../lib/errors.ts";
import { ScratchFile } from "../lib/scratch-file.ts";
import type { ByteString } from "../model/byte-string.ts";
import type { ContentSink, StoredContent } from "../model/content-sink.ts";
import { FileTree } from "../model/file-tree.ts";
import { DataArea } from "./data-area.ts";
import { BLOCK_BYTES, largestVolume, MAX_BLOCKS, planGeometry, skipHead, type Geometry } from "./geometry.ts";
import { NameHash } from "./half-md4.ts";
import { deriveIdentity, formatUuid, type VolumeIdentity } from "./identity.ts";
import { writeMetadata } from "./metadata-writer.ts";
import { volumeSeed } from "./superblock.ts";
import { layOutTree } from "./tree-layout.ts";
import { UsedBlocks } from "./used-blocks.ts";
import { planVolume } from "./volume-plan.ts";
import { canHoldXattr } from "./xattr.ts";

const DEFAULT_SIZE = gib(16);
const MIN_SIZE = mib(1);
const MAX_LABEL_BYTES = 16;

export interface Ext4Options {
  /** What UUID and hash seed are derived from: a digest of the content, or what else is this volume's own. */
  readonly identity: Uint8Array;
  /** Virtual size, rounded down to a block of 4 KiB; default 16 GiB. At least 1 MiB, at most 16 TiB. */
  readonly sizeBytes?: Bytes;
  /** The volume becomes larger than wished, up to this, if the content needs it. Default: `sizeBytes`. */
  readonly maxSizeBytes?: Bytes;
  /** How much must be left to write to; the volume grows for it, too. Default: none. */
  readonly minFreeBytes?: Bytes;
  /** Volume label, up to 16 bytes. */
  readonly label?: string;
  /** When the volume says that it was made, in seconds since 1970; default 0, whatever day it is. */
  readonly timestampSeconds?: number;
  /** Whether `finish` waits until all is on the disk; default true. */
  readonly durable?: boolean;
  readonly signal?: AbortSignal;
}

export interface Ext4Summary {
  /** Virtual size, and length of the file. */
  readonly sizeBytes: Bytes;
  /** What contents and metadata take; most inode tables and the journal are holes until they are used. */
  readonly usedBytes: Bytes;
  readonly uuid: string;
  readonly inodes: { readonly used: number; readonly total: number };
  readonly blocks: { readonly used: number; readonly total: number };
  /** Names of attributes that ext4 has no place for, and of how many files each was asked for; the first {@link MAX_TOLD}. */
  readonly droppedXattrs: readonly { readonly name: ByteString; readonly files: number }[];
}

/** Names of attributes that are remembered to be told. */
const MAX_TOLD = 100;

/**
 * Writes an ext4 file system into a new sparse file: contents first, as they come, then the tree that names them.
 *
 * Only superblocks and descriptors have fixed places ({@link planGeometry}); contents fill the blocks from the
 * first free one on, and `finish` lays directories behind them, then journal, bitmaps and inode tables. So nobody
 * needs to know beforehand how many files there are. The same calls give the same bytes.
 *
 * The file grows in the guest, online (resize2fs, EXT4_IOC_RESIZE_FS), once its length was raised.
 */
export class Ext4Writer implements ContentSink, AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #options: Ext4Options;
  readonly #identity: VolumeIdentity;
  readonly #geometry: Geometry;
  readonly #sizeBlocks: number;
  readonly #maxBlocks: number;
  readonly #area: DataArea;
  readonly #droppedXattrs = new Map<ByteString, number>();
  #open = true;

  private constructor(path: string, file: FileHandle, options: Ext4Options) {
    this.#path = path;
    this.#file = file;
    this.#options = options;
    this.#identity = deriveIdentity(options.identity);
    this.#sizeBlocks = Math.floor((options.sizeBytes ?? DEFAULT_SIZE) / BLOCK_BYTES);
    this.#geometry = planGeometry(this.#sizeBlocks);
    const most = Math.floor((options.maxSizeBytes ?? 0) / BLOCK_BYTES);
    this.#maxBlocks = Math.max(this.#sizeBlocks, Math.min(most, largestVolume(this.#geometry)));
    this.#area = new DataArea(file, this.#geometry, this.#maxBlocks, options.durable !== false, options.signal);
  }

  /**
   * Begins a file system in a file that must not exist yet (mode 0600).
   *
   * @throws BangerError `BAD_REQUEST` for a size or label that ext4 cannot have.
   */
  static async create(path: string, options: Ext4Options): Promise<Ext4Writer> {
    checkOptions(options);
    options.signal?.throwIfAborted();
    const file = await open(path, "wx+", 0o600);
    try {
      // Whether the host can have a file of this length is better known before anything is written.
      await setFileSize(file, options.sizeBytes ?? DEFAULT_SIZE, "a new file that this call made");
    } catch (error) {
      await file.close();
      await removeFile(path, "a new file that this call made");
      throw hasErrno(error, "EFBIG") ? tooLargeForHost(options.sizeBytes ?? DEFAULT_SIZE, error) : error;
    }
    return new Ext4Writer(path, file, options);
  }

  beginFile(): void {
    this.#area.beginFile();
  }

  /** @throws BangerError `EXT4_FULL` when the contents alone are larger than the volume may become. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    return this.#area.write(chunk);
  }

  hole(bytes: number): Promise<void> | undefined {
    return this.#area.hole(bytes);
  }

  endFile(): StoredContent {
    return this.#area.endFile();
  }

  takesXattr(name: ByteString): boolean {
    if (canHoldXattr(name)) return true;
    const files = this.#droppedXattrs.get(name) ?? 0;
    if (files > 0 || this.#droppedXattrs.size < MAX_TOLD) this.#droppedXattrs.set(name, files + 1);
    return false;
  }

  /**
   * Completes the file system with this tree, which gets a lost+found if it has none. Contents that the tree does not
   * name become free space, of zeros. After a failure the file is gone.
   *
   * @throws BangerError `EXT4_FULL` (with the size needed in `data.neededBytes`), `EXT4_LIMIT`.
   */
  async finish(tree: FileTree): Promise<Ext4Summary> {
    try {
      const summary = await this.#finish(tree);
      await this.#close();
      return summary;
    } catch (error) {
      await this.abort();
      throw error;
    }
  }

  /** Gives up, and removes the file. */
  async abort(): Promise<void> {
    if (!this.#open) return;
    await this.#close();
    await removeFile(this.#path, "a new file that this writer made, and gives up");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort();
  }

  async #finish(tree: FileTree): Promise<Ext4Summary> {
    const seed = volumeSeed(this.#identity.uuid);
    const used = new UsedBlocks();
    const contentsEnd = this.#area.nextBlock;
    using scratch = new ScratchFile(dirname(this.#path));
    const layout = await layOutTree(tree, {
      area: this.#area,
      used,
      volumeSeed: seed,
      hasher: new NameHash(this.#identity.hashSeed),
      createdSeconds: this.#options.timestampSeconds ?? 0,
      scratch,
      signal: this.#options.signal,
    });
    const firstFree = this.#area.nextBlock;
    await this.#area.flush();
    await this.#area.clearUnused(used, skipHead(this.#geometry, 0), contentsEnd);

    const plan = planVolume({
      geometry: this.#geometry,
      blocks: this.#sizeBlocks,
      maxBlocks: this.#maxBlocks,
      lastInode: layout.lastInode,
      firstFree,
      minFreeBlocks: Math.ceil((this.#options.minFreeBytes ?? 0) / BLOCK_BYTES),
    });
    // The size wished may leave off a last group that would hold nothing. VMMs take whole sectors only.
    const sizeBytes = (Math.max(plan.blocks, this.#sizeBlocks) * BLOCK_BYTES) as Bytes;
    await setFileSize(this.#file, sizeBytes, "a new file that this writer made");
    const { freeBlocks, freeInodes } = await writeMetadata(this.#file, {
      plan,
      layout,
      used,
      identity: this.#identity,
      volumeSeed: seed,
      label: this.#options.label ?? "",
      timestampSeconds: this.#options.timestampSeconds ?? 0,
      signal: this.#options.signal,
    });
    if (this.#options.durable !== false) {
      await this.#area.syncedAhead();
      await this.#file.sync();
    }

    const inodes = plan.groups * plan.inodesPerGroup;
    return {
      sizeBytes,
      usedBytes: ((plan.blocks - freeBlocks) * BLOCK_BYTES) as Bytes,
      uuid: formatUuid(this.#identity.uuid),
      inodes: { used: inodes - freeInodes, total: inodes },
      blocks: { used: plan.blocks - freeBlocks, total: plan.blocks },
      droppedXattrs: Array.from(this.#droppedXattrs, ([name, files]) => ({ name, files })),
    };
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    // A write may be under way still; whether it succeeds no longer matters.
    await this.#area.settle();
    await this.#file.close();
  }
}

/**
 * Writes a file system with nothing in it, for a disk to work on.
 *
 * @throws BangerError `EXT4_FULL` if the size does not even hold the metadata; as {@link Ext4Writer}.
 */
export async function createEmptyExt4(path: string, options: Ext4Options): Promise<Ext4Summary> {
  await using writer = await Ext4Writer.create(path, options);
  using tree = new FileTree(dirname(path));
  return await writer.finish(tree);
}

function tooLargeForHost(sizeBytes: number, cause: unknown): BangerError {
  return new BangerError("BAD_REQUEST", {
    what: `the host's file system cannot have a file of ${formatBytes(sizeBytes)}`,
    fix: "ask for a smaller disk",
    cause,
  });
}

function checkOptions({ sizeBytes = DEFAULT_SIZE, label = "" }: Ext4Options): void {
  if (sizeBytes < MIN_SIZE || sizeBytes > MAX_BLOCKS * BLOCK_BYTES) {
    throw new BangerError("BAD_REQUEST", {
      what: `a disk cannot have ${formatBytes(sizeBytes)}`,
      fix: `ask for ${formatBytes(MIN_SIZE)} to ${formatBytes(MAX_BLOCKS * BLOCK_BYTES)}`,
    });
  }
  if (Buffer.byteLength(label) > MAX_LABEL_BYTES || label.includes("\0")) {
    throw new BangerError("BAD_REQUEST", {
      what: `"${label}" cannot be a disk's label`,
      fix: `use at most ${MAX_LABEL_BYTES} bytes`,
    });
  }
}
