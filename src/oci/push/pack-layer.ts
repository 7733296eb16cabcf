import { createHash, type Hash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";
import { asBangerError, BangerError, hasErrno } from "../../lib/errors.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { finishDigest, type Digest } from "../manifest/digest.ts";
import { readFileFrom } from "../source/file-set.ts";
import { findData } from "../../formats/find-data.ts";
import type { Descriptor } from "../manifest/manifest.ts";
import type { OutgoingBlob } from "./push-image.ts";
import { ARCHIVE_END, fileHeader, padding, sparseFileHeader, storedBytes } from "../../formats/tar/tar-writer.ts";

/** A file to be packed. */
export interface PackedFile {
  /** In the archive. */
  readonly name: string;
  readonly path: string;
  /** A disk: what it does not hold is not packed. */
  readonly isSparse: boolean;
}

export interface PackedLayer extends OutgoingBlob {
  /** Digest of the archive before it was compressed. */
  readonly diffId: Digest;
}

export interface PackOptions extends OperationContext {
  readonly mediaType: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** For people: `root disk`. */
  readonly label: string;
}

/** zstd's own default. At 6, Debian's root file system is a fourteenth smaller and takes more than twice as long. */
const LEVEL = 3;

/**
 * Packs files as a tar archive, zstd, into a new file. The same files make the same archive.
 *
 * @throws BangerError `FILE_UNREADABLE`, `DISK_FULL`; `TOOL_MISSING` if a disk is among them and GNU tar is not there.
 */
export async function packLayer(
  files: readonly PackedFile[],
  target: string,
  options: PackOptions,
): Promise<PackedLayer> {
  const { signal, mediaType, annotations } = options;
  const [plain, packed] = [createHash("sha256"), createHash("sha256")];
  let size = 0;
  const compress = createZstdCompress({
    chunkSize: 1024 ** 2,
    params: {
      [constants.ZSTD_c_compressionLevel]: LEVEL,
      [constants.ZSTD_c_checksumFlag]: 1,
      // No ZSTD_c_nbWorkers: Node 24 takes a stream for ended while threads still hold parts of it.
    },
  });
  const count = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      packed.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  };
  try {
    const archive = archiveOf(files, plain, options);
    await pipeline(archive, compress, count, createWriteStream(target, { flags: "wx", mode: 0o600 }), { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw packError(error);
  }
  const digest = finishDigest("sha256", packed);
  const descriptor: Descriptor = { mediaType, digest, size, ...(annotations && { annotations: { ...annotations } }) };
  return {
    descriptor,
    diffId: finishDigest("sha256", plain),
    open: () => readFileFrom(target, 0, Number.POSITIVE_INFINITY, signal),
  };
}

/**
 * The digest that {@link packLayer} would find for the archive, without packing it.
 *
 * @throws BangerError `FILE_UNREADABLE`.
 */
export async function archiveDigest(files: readonly PackedFile[], signal: AbortSignal): Promise<Digest> {
  const hash = createHash("sha256");
  try {
    const options = { signal, progress: () => {}, label: "" };
    for await (const _ of archiveOf(files, hash, options)) signal.throwIfAborted();
  } catch (error) {
    signal.throwIfAborted();
    throw packError(error);
  }
  return finishDigest("sha256", hash);
}

async function* archiveOf(
  files: readonly PackedFile[],
  hash: Hash,
  { signal, progress, label }: Pick<PackOptions, "signal" | "progress" | "label">,
): AsyncGenerator<Buffer> {
  const event = { id: `pack:${label}`, label: `packing ${label}`, unit: "bytes" } as const;
  progress({ ...event, status: "running" });
  const plans = await Promise.all(files.map((file) => planFile(file, signal)));
  const total = plans.reduce((sum, { parts }) => sum + storedBytes(parts), 0);
  let done = 0;
  const out = (chunk: Buffer): Buffer => {
    hash.update(chunk);
    return chunk;
  };
  for (const { file, head, parts } of plans) {
    yield out(head);
    let stored = 0;
    for (let i = 0; i < parts.length; i += 2) {
      const [start, length] = [parts[i] ?? 0, parts[i + 1] ?? 0];
      let missing = length;
      for await (const chunk of readFileFrom(file.path, start, start + length, signal)) {
        missing -= chunk.length;
        done += chunk.length;
        yield out(chunk);
        progress({ ...event, done, total, status: "running" });
      }
      if (missing !== 0) throw changed(file.path);
      stored += length;
    }
    if (stored % 512 !== 0) yield out(padding(stored));
  }
  yield out(ARCHIVE_END);
  progress({ ...event, done, total, status: "done" });
}

async function planFile(
  file: PackedFile,
  signal: AbortSignal,
): Promise<{ file: PackedFile; head: Buffer; parts: readonly number[] }> {
  const { size } = await stat(file.path);
  if (!file.isSparse) return { file, head: fileHeader(file.name, size), parts: size === 0 ? [] : [0, size] };
  const parts = await findData(file.path, signal);
  return { file, head: sparseFileHeader(file.name, size, parts), parts };
}

function changed(path: string): BangerError {
  return new BangerError("FILE_UNREADABLE", {
    what: `${path} changed while it was packed`,
    why: "it became shorter",
    fix: "try again when nothing writes to it",
  });
}

function packError(error: unknown): unknown {
  if (error instanceof BangerError) return error;
  if (!hasErrno(error, "ENOENT") && !hasErrno(error, "EACCES")) return asBangerError(error);
  return new BangerError("FILE_UNREADABLE", {
    what: "a file of the image is not there any more",
    why: error.message,
    fix: "see `banger image inspect`; pull or build the image again if its files are gone",
    cause: error,
  });
}
