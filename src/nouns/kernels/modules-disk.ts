import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Ext4Writer } from "../../ext4/writer.ts";
import { indexModules, listModuleFiles, type ModuleFile } from "../../kernel/modules/module-files.ts";
import { bytes, mib, type Bytes } from "../../lib/bytes.ts";
import { removeFile, replaceFile } from "../../lib/destroy.ts";
import { hasErrno } from "../../lib/errors.ts";
import { syncDirectory, temporaryBeside } from "../../lib/files.ts";
import type { ContentSink } from "../../model/content-sink.ts";
import { FileTree, type InodeId } from "../../model/file-tree.ts";
import { PLAIN_ATTRIBUTES, PLAIN_DIRECTORY } from "../../model/inode.ts";
import type { KernelFiles } from "../../model/kernel.ts";

/** In a kernel's folder. The number goes up when the same modules would give other bytes: the next start makes it anew.
 * One of a lower number stays until the kernel goes: a VM may run with it. */
const MODULES_DISK = "modules-3.ext4";
/** Where Fedora's kernels have their configuration, and what looks for it finds it: a kernel package's /boot is not here. */
const CONFIG = "config";
const BLOCK_BYTES = 4096;
const LABEL = "banger-modules";
/** For folders, indexes and metadata, beside the files. */
const SPARE: Bytes = mib(16);

type ModulesParts = { readonly modules: string } & Pick<KernelFiles, "config">;

/**
 * The disk that brings a kernel's modules into its guests, made if it is not there yet: a file system with the content of
 * /lib/modules/RELEASE, its indexes and the kernel's configuration, the same for all guests, who only read it. The same
 * modules give the same bytes.
 *
 * @param parts the folder of modules, and the kernel's configuration where it is known, below `kernelDir`.
 * @returns its path.
 * @throws BangerError `KERNEL_INVALID`, `ARCHIVE_INVALID` if one of them is no module; `DISK_FULL`.
 */
export async function ensureModulesDisk(kernelDir: string, parts: ModulesParts, signal: AbortSignal): Promise<string> {
  const path = join(kernelDir, MODULES_DISK);
  if (await exists(path)) return path;
  const dir = join(kernelDir, parts.modules);
  const files = await listModuleFiles(dir);
  const made = new Map(await indexModules(dir, files, signal));
  if (parts.config !== undefined && !files.some((file) => file.path === CONFIG)) {
    made.set(CONFIG, await readFile(join(kernelDir, parts.config)));
  }
  // Two VMs that start at once may both make it; the files are equal, and each is whole under its name.
  const temp = temporaryBeside(path);
  try {
    await writeDisk(temp, dir, files, made, signal);
    await replaceFile(temp, path, "a temporary name of this process; the name tells what is in it");
    await syncDirectory(kernelDir);
  } catch (error) {
    await removeFile(temp, "a temporary name of this process");
    throw error;
  }
  return path;
}

async function writeDisk(
  target: string,
  dir: string,
  files: readonly ModuleFile[],
  made: ReadonlyMap<string, Buffer>,
  signal: AbortSignal,
): Promise<void> {
  const sizeBytes = bytes(sumOfBlocks(files, made) + SPARE);
  await using writer = await Ext4Writer.create(target, {
    identity: identityOf(files, made),
    sizeBytes,
    maxSizeBytes: bytes(2 * sizeBytes),
    label: LABEL,
    signal,
  });
  using tree = new FileTree(dirname(target));
  for (const { path } of files) {
    addFile(tree, path, await store(writer, createReadStream(join(dir, path), { signal })));
  }
  for (const [name, content] of made) addFile(tree, name, await store(writer, [content]));
  await writer.finish(tree);
}

type Stored = ReturnType<ContentSink["endFile"]>;

async function store(sink: ContentSink, content: AsyncIterable<unknown> | Iterable<Buffer>): Promise<Stored> {
  sink.beginFile();
  for await (const chunk of content) await sink.write(chunk as Buffer);
  return sink.endFile();
}

function addFile(tree: FileTree, path: string, stored: Stored): void {
  const names = path.split("/").map((name) => Buffer.from(name, "utf8").toString("latin1"));
  const name = names.pop() ?? "";
  let folder: InodeId = tree.root;
  for (const part of names) {
    const known = tree.lookup(folder, part);
    folder = known ?? tree.inodeOf(tree.add(folder, part, PLAIN_DIRECTORY));
  }
  tree.add(folder, name, { ...PLAIN_ATTRIBUTES, mode: 0o644, type: "file", ...stored });
}

function sumOfBlocks(files: readonly ModuleFile[], made: ReadonlyMap<string, Buffer>): number {
  const sizes = [...files.map(({ sizeBytes }) => sizeBytes), ...[...made.values()].map(({ length }) => length)];
  const blocks = sizes.reduce((sum, size) => sum + Math.ceil(size / BLOCK_BYTES), 0);
  return blocks * BLOCK_BYTES;
}

/** The indexes tell one set of modules from another. */
function identityOf(files: readonly ModuleFile[], made: ReadonlyMap<string, Buffer>): Buffer {
  const hash = createHash("sha256");
  for (const { path, sizeBytes } of files) hash.update(`${path}\0${sizeBytes}\0`);
  for (const content of made.values()) hash.update(content);
  return hash.digest();
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return false;
    throw error;
  }
}
