import { createReadStream } from "node:fs";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hasErrno } from "../lib/errors.ts";
import { invalidArchive, type ByteStream } from "./byte-reader.ts";
import { readTarFiles, type TarFile } from "./tar-files.ts";
import type { StepProgress } from "./reporting.ts";

/** What one file of an archive may come to, unpacked. A kernel's largest is its vmlinux of some 25 MB. */
const MAX_FILE_BYTES = 1024 ** 3;

const READ_BYTES = 256 * 1024;

export interface TarPlaces {
  readonly targetDir: string;
  /** The path below `targetDir` for a path in the archive (`boot/vmlinuz-6.1.0`); undefined leaves the file out. */
  readonly place: (path: string) => string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Unpacks chosen files of a tar archive. Owners, times and modes are not kept.
 *
 * @param name what is read, for errors.
 * @returns the paths below `targetDir` that were written, in the archive's order.
 * @throws BangerError `ARCHIVE_INVALID` if it is damaged, or would write outside `targetDir`.
 */
export async function extractTar(tar: ByteStream, name: string, options: TarPlaces): Promise<string[]> {
  const { targetDir, place, signal } = options;
  const written: string[] = [];
  for await (const entry of readTarFiles(tar, name)) {
    signal.throwIfAborted();
    const path = place(entry.path);
    if (path === undefined) continue;
    await writeEntry(entry, join(targetDir, safePath(path, name)), name);
    written.push(path);
  }
  return written;
}

/** A file's bytes; `onBytes` is told how many of how many have been read. */
export async function* readCounted(path: string, signal: AbortSignal, onBytes: StepProgress): ByteStream {
  const { size } = await stat(path);
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES, signal })) {
    const bytes = chunk as Buffer;
    done += bytes.length;
    onBytes(done, size);
    yield bytes;
  }
}

async function writeEntry(entry: TarFile, target: string, archive: string): Promise<void> {
  if (entry.sizeBytes > MAX_FILE_BYTES) {
    throw invalidArchive(archive, `${entry.path} is larger than ${MAX_FILE_BYTES} bytes`);
  }
  try {
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, entry.content, { flag: "wx", mode: 0o644 });
  } catch (error) {
    // The same name twice, or once as a file and once as a folder.
    if (!["EEXIST", "ENOTDIR", "EISDIR"].some((code) => hasErrno(error, code))) throw error;
    throw invalidArchive(archive, `${entry.path} is in the way of another of its files`, error);
  }
}

function safePath(path: string, archive: string): string {
  if (path.startsWith("/") || path.split("/").includes("..")) {
    throw invalidArchive(archive, `the path ${path} leads out of it`);
  }
  return path;
}
