import { createReadStream } from "node:fs";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readAr } from "./ar.ts";
import { collect, invalidArchive, type ByteStream } from "../byte-reader.ts";
import { COMPRESSIONS, compressionOfName, decompress } from "../decompress.ts";
import { readTarFiles, type TarFile } from "./tar.ts";

/** Of deb(5): the first member, whose content is the version of the format. */
const DEB_BINARY = "debian-binary";
const DATA_MEMBER = /^data\.tar(?:\.(?:gz|xz|zst))?$/;

/** What one file of a package may come to, unpacked. A kernel's largest is its bzImage of some 15 MB. */
const MAX_FILE_BYTES = 1024 ** 3;

const READ_BYTES = 256 * 1024;

export interface ExtractOptions {
  readonly targetDir: string;
  /** The path below `targetDir` for a path in the package (`boot/vmlinuz-6.1.0`); undefined leaves the file out. */
  readonly place: (path: string) => string | undefined;
  readonly signal: AbortSignal;
  /** Told how much of the package is read. */
  readonly onBytes: (done: number, total: number) => void;
}

/**
 * Unpacks chosen files of a .deb package. Owners, times and modes are not kept.
 *
 * @returns the paths below `targetDir` that were written, in the package's order.
 * @throws BangerError `ARCHIVE_INVALID` if it is no such package, damaged, or would write outside `targetDir`.
 */
export async function extractDeb(debPath: string, options: ExtractOptions): Promise<string[]> {
  const { targetDir, place, signal } = options;
  const written: string[] = [];
  let sawFormat = false;
  for await (const member of readAr(readCounted(debPath, options), debPath)) {
    if (member.name === DEB_BINARY) {
      const version = (await collect(member.content, 64, debPath)).toString("latin1").trim();
      if (!version.startsWith("2.")) throw invalidArchive(debPath, `its package format is ${version}, not 2.x`);
      sawFormat = true;
      continue;
    }
    if (!sawFormat) throw invalidArchive(debPath, "it is an ar archive, but no Debian package");
    if (!member.name.startsWith("data.tar")) continue;
    if (!DATA_MEMBER.test(member.name)) {
      throw invalidArchive(debPath, `${member.name} is packed with none of ${COMPRESSIONS.join(", ")}`);
    }
    const tar = decompress(member.content, compressionOfName(member.name), debPath);
    for await (const entry of readTarFiles(tar, debPath)) {
      signal.throwIfAborted();
      const path = place(entry.path);
      if (path === undefined) continue;
      await writeEntry(entry, join(targetDir, safePath(path, debPath)), debPath);
      written.push(path);
    }
    return written;
  }
  throw invalidArchive(debPath, "it has no data.tar");
}

async function* readCounted(path: string, options: ExtractOptions): ByteStream {
  const { size } = await stat(path);
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES, signal: options.signal })) {
    const bytes = chunk as Buffer;
    done += bytes.length;
    options.onBytes(done, size);
    yield bytes;
  }
}

async function writeEntry(entry: TarFile, target: string, archive: string): Promise<void> {
  if (entry.sizeBytes > MAX_FILE_BYTES) {
    throw invalidArchive(archive, `${entry.path} is larger than ${MAX_FILE_BYTES} bytes`);
  }
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, entry.content, { flag: "wx", mode: 0o644 });
}

function safePath(path: string, archive: string): string {
  if (path.startsWith("/") || path.split("/").includes("..")) {
    throw invalidArchive(archive, `the path ${path} leads out of it`);
  }
  return path;
}
