import { constants, copyFile, cp, lstat, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { hasErrno } from "../lib/errors.ts";
import type { OperationContext } from "../lib/progress.ts";
import type { KernelContents, KernelSource } from "../model/kernel.ts";
import { completeKernelFolder, KERNEL_FOLDER, probeImage } from "./kernel-folder.ts";
import { unreadable } from "./read-at.ts";
import { reporting } from "../lib/reporting.ts";

/** Files of a user's kernel. */
export interface ImportOptions {
  /** Uncompressed, or a bzImage. */
  readonly vmlinux: string;
  /** Used as it is, in place of banger's own initramfs. */
  readonly initrd?: string;
  /** A /lib/modules/RELEASE, or a folder that holds just that. */
  readonly modules?: string;
  /** Where the files came from, where it was not the user who gave them. */
  readonly source?: KernelSource;
}

/**
 * Copies a user's kernel (as reflinks where the file system can) and finds out what it can do.
 *
 * @param targetDir an empty folder; its content is worth nothing if this fails.
 * @throws BangerError `KERNEL_INVALID` if it is no kernel, or none that could boot a VM; `FILE_UNREADABLE`.
 */
export async function importKernel(
  options: ImportOptions,
  targetDir: string,
  context: OperationContext,
): Promise<KernelContents> {
  const { signal } = context;
  return await reporting(context.progress, { id: "import", label: "importing the kernel" }, async () => {
    // Probed before it is copied, and the copy again: what is kept is what was judged.
    await probeImage(targetDir, signal, options.vmlinux);
    await copy(options.vmlinux, join(targetDir, KERNEL_FOLDER.image));
    const probe = await probeImage(targetDir, signal);
    if (options.initrd !== undefined) await copy(options.initrd, join(targetDir, KERNEL_FOLDER.initrd));
    if (options.modules !== undefined) {
      const from = await findModules(options.modules);
      await copyTree(from, join(targetDir, KERNEL_FOLDER.modules), signal);
    }
    const { vmlinux, initrd, modules } = options;
    return await completeKernelFolder(
      targetDir,
      {
        source: options.source ?? {
          kind: "import",
          vmlinux: resolve(vmlinux),
          ...(initrd !== undefined && { initrd: resolve(initrd) }),
          ...(modules !== undefined && { modules: resolve(modules) }),
        },
        probe,
        config: probe.config,
        hasInitrd: initrd !== undefined,
        hasModules: modules !== undefined,
      },
      signal,
    );
  });
}

async function copy(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  } catch (error) {
    if (hasErrno(error, "ENOSPC") || hasErrno(error, "EDQUOT")) throw error;
    throw unreadable(from, error);
  }
}

/** Links (`build`, `source`) point into a kernel tree that does not come along. */
async function copyTree(from: string, to: string, signal: AbortSignal): Promise<void> {
  await cp(from, to, {
    recursive: true,
    force: false,
    errorOnExist: true,
    mode: constants.COPYFILE_FICLONE,
    filter: async (path) => {
      signal.throwIfAborted();
      const entry = await lstat(path);
      return entry.isDirectory() || entry.isFile();
    },
  });
}

/** People name /lib/modules/RELEASE, or a folder with nothing else in it. */
async function findModules(dir: string): Promise<string> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    const [only] = entries;
    return entries.length === 1 && only?.isDirectory() === true && only.name !== "kernel" ? join(dir, only.name) : dir;
  } catch (error) {
    throw unreadable(dir, error);
  }
}
