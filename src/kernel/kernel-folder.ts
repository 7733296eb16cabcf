import { writeFileAtomic } from "../lib/files.ts";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { KernelContents, KernelFiles, KernelSource } from "../model/kernel.ts";
import { resolveBootModules } from "./boot/boot-modules.ts";
import { planModulesPart, writeArchive } from "./initramfs.ts";
import { featuresOf } from "./image/kernel-config.ts";
import { NO_MODULES, openModuleTree } from "./boot/module-tree.ts";
import { probeKernelFile, type KernelProbe } from "./image/probe-kernel.ts";

/** Names in a kernel's folder. An initramfs comes beside them when a VM first starts. */
export const KERNEL_FOLDER = {
  image: "image",
  vmlinux: "vmlinux",
  config: "config",
  initrd: "initrd",
  modules: "modules",
  bootModules: "boot-modules.cpio",
} as const;

/** What is in the folder before it is completed. */
export interface KernelParts {
  readonly source: KernelSource;
  /** Of {@link probeImage}. */
  readonly probe: KernelProbe;
  /** The text of `.config`, from a file of its own or from the kernel. */
  readonly config: string | undefined;
  readonly hasInitrd: boolean;
  readonly hasModules: boolean;
}

/**
 * Finds out what the image in a kernel's folder is, and unpacks a bzImage beside it.
 *
 * @param image another file to judge in its place, before it is copied there.
 * @throws BangerError `KERNEL_INVALID`, `FILE_UNREADABLE`.
 */
export async function probeImage(
  dir: string,
  signal: AbortSignal,
  image = join(dir, KERNEL_FOLDER.image),
): Promise<KernelProbe> {
  return await probeKernelFile(image, join(dir, KERNEL_FOLDER.vmlinux), signal);
}

/**
 * Completes a kernel's folder from the image and modules in it: its configuration, the modules for the initramfs.
 * Whoever called removes the folder if this fails.
 *
 * @throws BangerError `KERNEL_INVALID` if no VM could boot with it.
 */
export async function completeKernelFolder(
  dir: string,
  parts: KernelParts,
  signal: AbortSignal,
): Promise<KernelContents> {
  const { probe, config } = parts;
  const features = config === undefined ? probe.abilities.features : featuresOf(config);
  const files: KernelFiles = { image: { path: KERNEL_FOLDER.image, format: probe.format } };
  if (parts.hasInitrd) files.initrd = KERNEL_FOLDER.initrd;
  if (parts.hasModules) files.modules = KERNEL_FOLDER.modules;

  if (config !== undefined) {
    // Kernels come with one that may say the same.
    await writeFileAtomic(join(dir, KERNEL_FOLDER.config), config);
    files.config = KERNEL_FOLDER.config;
  }
  if (probe.unpacked) files.vmlinux = KERNEL_FOLDER.vmlinux;
  // A user's own initrd loads what it wants to.
  if (!parts.hasInitrd) {
    const tree = parts.hasModules ? await openModuleTree(join(dir, KERNEL_FOLDER.modules)) : NO_MODULES;
    const modules = await resolveBootModules(tree, probe.release, features);
    if (modules.length > 0) {
      await writeArchive(join(dir, KERNEL_FOLDER.bootModules), planModulesPart(modules));
      files.bootModules = { path: KERNEL_FOLDER.bootModules, modules: modules.map((module) => module.info.name) };
    }
  }
  signal.throwIfAborted();
  return {
    arch: probe.arch,
    release: probe.release,
    source: parts.source,
    files,
    abilities: { ...probe.abilities, ...(features !== undefined && { features }) },
    sizeBytes: await folderBytes(dir),
  };
}

async function folderBytes(dir: string): Promise<number> {
  let total = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) total += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return total;
}
