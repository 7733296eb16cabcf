import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { removeFile, removeFileSync, replaceFile, replaceFileSync } from "./destroy.ts";

/** Writes a file so that a reader, or a crash, sees the old content or the new, never a part. Mode 0600 unless told. */
export async function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
  const temp = temporaryBeside(path);
  try {
    const file = await open(temp, "wx", mode);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await replaceFile(temp, path, "a temporary name of this process, over the content before");
    await syncDirectory(dirname(path));
  } catch (error) {
    await removeFile(temp, "a temporary name of this process");
    throw error;
  }
}

/** The same for who cannot wait; where it need not be durable, a power cut may leave it empty. */
export function writeFileAtomicSync(path: string, data: string, { durable }: { readonly durable: boolean }): void {
  const temp = temporaryBeside(path);
  try {
    const file = openSync(temp, "wx", 0o600);
    try {
      writeFileSync(file, data);
      if (durable) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    replaceFileSync(temp, path, "a temporary name of this process, over the content before");
  } catch (error) {
    removeFileSync(temp, "a temporary name of this process");
    throw error;
  }
}

/** A name beside `path`, on the same file system, that nobody else uses. Starts with a dot: scans pass over it. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
}

/** Makes a rename or a new name in this folder survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const dir = await open(path, "r");
  try {
    await dir.sync();
  } finally {
    await dir.close();
  }
}
