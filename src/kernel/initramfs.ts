import { createHash } from "node:crypto";
import { copyFile, constants, open, readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { removeFile, replaceFile } from "../lib/destroy.ts";
import { hasErrno } from "../lib/errors.ts";
import { temporaryBeside } from "../lib/files.ts";
import type { KernelFiles } from "../model/kernel.ts";
import { cpioArchive, type CpioEntry } from "../formats/cpio.ts";
import type { LoadedModule } from "./boot/module-tree.ts";
import { unreadable } from "./read-at.ts";

/*
 * An initramfs is two archives, one after the other, which the kernel unpacks into one tree. The first, with the
 * modules, is made once for a kernel; the second, with the agent, when there is a new agent. Neither is packed: a
 * guest needs more time to unpack them than the host to hand them over, most of all where it is emulated.
 */

/** Where the agent, as /init, finds the modules to load: one file name a line, below this file's folder, in order. */
const MODULES_DIR = "modules";
const LOAD_LIST = `${MODULES_DIR}/load.list`;

const INITRAMFS_FILE = /^initramfs-[0-9a-f]{16}\.img$/;

/** The part of a kernel's initramfs that never changes: the modules and the order in which to load them. */
export function planModulesPart(modules: readonly LoadedModule[]): CpioEntry[] {
  const files = modules.map((module) => ({ name: `${module.info.name}.ko`, content: module.content }));
  const list = files.map((file) => `${file.name}\n`).join("");
  return [
    { type: "directory", path: MODULES_DIR, mode: 0o755 },
    { type: "file", path: LOAD_LIST, mode: 0o644, content: Buffer.from(list) },
    ...files.map((file) => ({
      type: "file" as const,
      path: `${MODULES_DIR}/${file.name}`,
      mode: 0o644,
      content: file.content,
    })),
  ];
}

/** The part that changes with banger: the agent, and the console that it speaks to before it has mounted /dev. */
export function planAgentPart(agent: Uint8Array): CpioEntry[] {
  return [
    { type: "directory", path: "dev", mode: 0o755 },
    // Documentation/admin-guide/devices.txt: the system console.
    { type: "char", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { type: "file", path: "init", mode: 0o755, content: agent },
  ];
}

/** Writes an archive to a new file. */
export async function writeArchive(path: string, entries: readonly CpioEntry[]): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.writev(cpioArchive(entries));
}

export interface Initramfs {
  readonly path: string;
  readonly sizeBytes: number;
  /** Whether it had to be made. */
  readonly fresh: boolean;
}

/**
 * The initramfs of a kernel for this agent: made if it is not there yet, and then in place of those of older agents.
 *
 * @param bootModules as the kernel's record has it, below `kernelDir`.
 * @throws BangerError `FILE_UNREADABLE` if the agent cannot be read.
 */
export async function ensureInitramfs(
  kernelDir: string,
  bootModules: NonNullable<KernelFiles["bootModules"]>,
  agentPath: string,
  signal: AbortSignal,
): Promise<Initramfs> {
  const agent = await readAgent(agentPath, signal);
  const digest = createHash("sha256").update(agent).digest("hex").slice(0, 16);
  const name = `initramfs-${digest}.img`;
  const path = join(kernelDir, name);
  const existing = await sizeOf(path);
  if (existing !== undefined) return { path, sizeBytes: existing, fresh: false };

  const temp = temporaryBeside(path);
  try {
    await copyFile(join(kernelDir, bootModules.path), temp, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    signal.throwIfAborted();
    await appendArchive(temp, planAgentPart(agent));
    await replaceFile(temp, path, "a temporary name of this process; the name tells what is in it");
  } catch (error) {
    await removeFile(temp, "a temporary name of this process");
    throw error;
  }
  for (const other of await readdir(kernelDir)) {
    if (INITRAMFS_FILE.test(other) && other !== name)
      await removeFile(join(kernelDir, other), "made of the kernel's own parts and an older agent, by its name");
  }
  return { path, sizeBytes: (await stat(path)).size, fresh: true };
}

/** Whether a file is the initramfs of this agent, by the name that {@link ensureInitramfs} gave it. */
export function isInitramfsOf(path: string, agentDigest: string): boolean {
  return basename(path) === `initramfs-${agentDigest.replace("sha256:", "").slice(0, 16)}.img`;
}

/** Archives are made of multiples of 4 bytes, which is where the kernel looks for the next one. */
async function appendArchive(path: string, entries: readonly CpioEntry[]): Promise<void> {
  await using file = await open(path, "a");
  await file.writev(cpioArchive(entries));
}

async function readAgent(path: string, signal: AbortSignal): Promise<Buffer> {
  try {
    return await readFile(path, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw unreadable(path, error);
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
