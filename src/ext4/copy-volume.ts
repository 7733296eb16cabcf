import { open, type FileHandle } from "node:fs/promises";
import { bytes, type Bytes } from "../lib/bytes.ts";
import { removeFile, setFileSize } from "../lib/destroy.ts";
import { BangerError } from "../lib/errors.ts";
import { openExt4, type Ext4Image } from "./reader/ext4-image.ts";

const CHUNK_BYTES = 1024 ** 2;
/** What is looked at for zeros at once. */
const GRAIN_BYTES = 4096;

export interface CopiedVolume {
  readonly sizeBytes: Bytes;
  readonly usedBytes: Bytes;
  readonly uuid: string;
}

export interface CopyOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/**
 * Copies an ext4 file system without its free space: blocks that no file uses become holes, whatever they held, and so do
 * blocks of zeros. The target must not exist; it gets the source's length. When it fails nothing is left of it.
 *
 * @throws BangerError `EXT4_INVALID` if it is none, or was not unmounted: then what its blocks mean stands in its journal.
 */
export async function copyUsedBlocks(source: string, target: string, options: CopyOptions): Promise<CopiedVolume> {
  options.signal.throwIfAborted();
  await using volume = await openExt4(source);
  if (!volume.isClean) throw notClean(source);
  const from = await open(source, "r");
  try {
    const to = await open(target, "wx", 0o600);
    try {
      const { size } = await from.stat();
      await setFileSize(to, size, "a new file that this call made");
      await copyRuns(volume, from, to, options);
      await to.sync();
      return { sizeBytes: bytes(size), usedBytes: bytes(volume.usedBytes), uuid: volume.uuid };
    } catch (error) {
      await removeFile(target, "a new file that this call made");
      throw error;
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

async function copyRuns(volume: Ext4Image, from: FileHandle, to: FileHandle, options: CopyOptions): Promise<void> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let done = 0;
  for await (const run of volume.usedRuns()) {
    const end = (run.block + run.blocks) * volume.blockBytes;
    for (let at = run.block * volume.blockBytes; at < end;) {
      options.signal.throwIfAborted();
      const { bytesRead } = await from.read(chunk, 0, Math.min(chunk.length, end - at), at);
      if (bytesRead === 0) break; // A volume may end before its last group does on paper; then there is nothing to lose.
      await writeWithoutZeros(to, chunk.subarray(0, bytesRead), at);
      at += bytesRead;
      done += bytesRead;
      options.onProgress?.(Math.min(done, volume.usedBytes), volume.usedBytes);
    }
  }
}

async function writeWithoutZeros(to: FileHandle, data: Buffer, position: number): Promise<void> {
  let start: number | undefined;
  for (let at = 0; at <= data.length; at += GRAIN_BYTES) {
    const grain = data.subarray(at, at + GRAIN_BYTES);
    const holds = grain.length > 0 && !ZEROS.subarray(0, grain.length).equals(grain);
    if (holds) start ??= at;
    else if (start !== undefined) {
      const piece = data.subarray(start, Math.min(at, data.length));
      await to.write(piece, 0, piece.length, position + start);
      start = undefined;
    }
  }
  if (start !== undefined) await to.write(data, start, data.length - start, position + start);
}

const ZEROS = Buffer.alloc(GRAIN_BYTES);

function notClean(path: string): BangerError {
  return new BangerError("EXT4_INVALID", {
    what: `the file system in ${path} was not unmounted in order`,
    why: "what was written last stands in its journal only",
    fix: "mount and unmount it once, or run `e2fsck -fy` on it",
  });
}
