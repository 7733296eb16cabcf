import { open, type FileHandle } from "node:fs/promises";
import { BangerError, hasErrno } from "../lib/errors.ts";
import type { ByteStream } from "../formats/byte-reader.ts";

const RANGE_PART_BYTES = 64 * 1024;

/**
 * A regular file that a user named, open for reading.
 *
 * @throws BangerError `FILE_UNREADABLE`.
 */
export async function openForReading(path: string): Promise<FileHandle> {
  try {
    const file = await open(path, "r");
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (error) {
    throw unreadable(path, error);
  }
  throw unreadable(path, "it is no regular file");
}

/**
 * The bytes at `offset`; fewer than `length` where the file ends.
 *
 * @param buffer where they are put, and what is returned a part of.
 */
export async function readAt(
  file: FileHandle,
  offset: number,
  length: number,
  buffer: Buffer = Buffer.allocUnsafe(length),
): Promise<Buffer> {
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** The bytes from `offset` on, read as they are asked for. */
export async function* readRange(file: FileHandle, offset: number, length: number): ByteStream {
  for (let at = 0; at < length; at += RANGE_PART_BYTES) {
    yield await readAt(file, offset + at, Math.min(RANGE_PART_BYTES, length - at));
  }
}

/** @param cause the system's error, or what is wrong in words. */
export function unreadable(path: string, cause: unknown): BangerError {
  const missing = hasErrno(cause, "ENOENT") || hasErrno(cause, "ENOTDIR");
  return new BangerError("FILE_UNREADABLE", {
    what: `${path} cannot be read`,
    why: missing ? "it does not exist" : cause instanceof Error ? cause.message : String(cause),
    fix: "check the path and its permissions",
    cause,
  });
}
