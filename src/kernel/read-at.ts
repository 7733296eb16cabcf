import { open, type FileHandle } from "node:fs/promises";
import { BangerError, hasErrno } from "../lib/errors.ts";

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

/** The bytes at `offset`; fewer than `length` where the file ends. */
export async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
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
