import { createHash } from "node:crypto";
import { chmod, constants, copyFile, open, stat, type FileHandle } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { removeFile, setFileSize } from "../lib/destroy.ts";
import { findData } from "../formats/find-data.ts";
import { BangerError, hasErrno } from "../lib/errors.ts";

const CHUNK_BYTES = 4 * 1024 ** 2;
/** What is looked at for zeros at once: the least that a hole can be on most file systems. */
const GRAIN_BYTES = 64 * 1024;

export interface VerifiedCopy {
  /** `sha256:…` of the whole content. */
  readonly sha256: string;
  /** `reflink` where the file system shares the blocks, `copy` where not. */
  readonly way: "reflink" | "copy";
}

export interface CopyOptions {
  readonly signal: AbortSignal;
  /** Where a file holds something, if not by {@link findData}: everything else is zeros, and is not read. */
  readonly findData?: typeof findData;
  readonly onProgress?: (doneBytes: number) => void;
}

/**
 * Copies a file, sparse, and reads the copy again: what it holds, and where, is what was read from the source. The target
 * must not exist; when it fails nothing of it is left.
 *
 * @throws BangerError `DIGEST_MISMATCH` if the disk gave back something else than it was given; what {@link findData} throws.
 */
export async function copyVerified(source: string, target: string, options: CopyOptions): Promise<VerifiedCopy> {
  const { signal, findData: find = findData } = options;
  const { size } = await stat(source);
  const parts = await find(source, signal);
  const way = await reflink(source, target);
  try {
    const read = await copyParts(source, way === "reflink" ? undefined : target, { size, parts }, options);
    if (!(await holds(target, { size, parts }, read.data, options))) throw differs(source, target);
    return { sha256: `sha256:${read.whole}`, way };
  } catch (error) {
    await removeFile(target, "a new file that this call made");
    throw error;
  }
}

async function reflink(source: string, target: string): Promise<VerifiedCopy["way"]> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    await chmod(target, 0o600);
    return "reflink";
  } catch (error) {
    if (hasErrno(error, "EEXIST") || hasErrno(error, "ENOENT")) throw error;
    await removeFile(target, "a new file that this call made");
    return "copy";
  }
}

interface Content {
  readonly size: number;
  readonly parts: readonly number[];
}

/** Reads a file's parts, and writes them to `target` if there is one. Digests in hex: of all of it, of the parts alone. */
async function copyParts(
  source: string,
  target: string | undefined,
  { size, parts }: Content,
  { signal, onProgress }: CopyOptions,
): Promise<{ readonly whole: string; readonly data: string }> {
  const [whole, data] = [createHash("sha256"), createHash("sha256")];
  const to = target === undefined ? undefined : await open(target, "wx", 0o600);
  let done = 0;
  // Hashing is all that a hole takes; a long one must still be told of, and given up.
  const zerosTo = async (end: number): Promise<void> => {
    while (done < end) {
      signal.throwIfAborted();
      const zeros = ZEROS.subarray(0, Math.min(CHUNK_BYTES, end - done));
      whole.update(zeros);
      done += zeros.length;
      onProgress?.(done);
      await setImmediate();
    }
  };
  try {
    for await (const { chunk, at } of readParts(source, parts, signal)) {
      await zerosTo(at);
      whole.update(chunk);
      data.update(chunk);
      if (to !== undefined) await writeGrains(to, chunk, at);
      done += chunk.length;
      onProgress?.(done);
    }
    await zerosTo(size);
    if (to !== undefined) await setFileSize(to, size, "a new file that this call made");
    await to?.sync();
    return { whole: whole.digest("hex"), data: data.digest("hex") };
  } finally {
    await to?.close();
  }
}

/** Whether a file holds this content, with zeros everywhere else, and is as long. */
async function holds(
  path: string,
  { size, parts }: Content,
  digest: string,
  { signal, findData: find = findData }: CopyOptions,
): Promise<boolean> {
  const found = await find(path, signal);
  if ((await stat(path)).size !== size) return false;
  if (found.length !== parts.length || found.some((number, i) => number !== parts[i])) return false;
  const hash = createHash("sha256");
  for await (const { chunk } of readParts(path, parts, signal)) hash.update(chunk);
  return hash.digest("hex") === digest;
}

/** The chunk is the reader's again when the next one is asked for. Ends early where the file does. */
async function* readParts(
  path: string,
  parts: readonly number[],
  signal: AbortSignal,
): AsyncGenerator<{ readonly chunk: Buffer; readonly at: number }> {
  await using file = await open(path, "r");
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let i = 0; i < parts.length; i += 2) {
    let at = parts[i] ?? 0;
    const end = at + (parts[i + 1] ?? 0);
    while (at < end) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - at), at);
      if (bytesRead === 0) return;
      yield { chunk: buffer.subarray(0, bytesRead), at };
      at += bytesRead;
    }
  }
}

async function writeGrains(to: FileHandle, data: Buffer, position: number): Promise<void> {
  for (let at = 0; at < data.length; at += GRAIN_BYTES) {
    const grain = data.subarray(at, at + GRAIN_BYTES);
    if (!ZEROS.subarray(0, grain.length).equals(grain)) await to.write(grain, 0, grain.length, position + at);
  }
}

const ZEROS = Buffer.alloc(CHUNK_BYTES);

function differs(source: string, target: string): BangerError {
  return new BangerError("DIGEST_MISMATCH", {
    what: `the copy of ${source} is not what was read`,
    why: `${target} reads back with other content, or the file changed while it was copied`,
    fix: "try again when nobody writes to it; if it happens again, check the disk",
  });
}
