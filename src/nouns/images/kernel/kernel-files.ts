import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Kernel } from "../../../model/kernel.ts";
import { archiveDigest, type PackedFile } from "../../../oci/push/pack-layer.ts";
import type { KernelVerbs } from "../../kernels/index.ts";
import type { ArtefactKernel } from "../../../model/artefact.ts";

/** All files of a kernel that its record names, in the order in which they are packed. What is made from them stays. */
export async function kernelFiles(kernel: Kernel, folder: string): Promise<PackedFile[]> {
  const { image, vmlinux, config, initrd, modules, bootModules } = kernel.files;
  const names = [image.path, vmlinux, config, initrd, bootModules?.path].filter((name) => name !== undefined);
  if (modules !== undefined) {
    for (const entry of await readdir(join(folder, modules), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) names.push(relative(folder, join(entry.parentPath, entry.name)));
    }
  }
  return [...new Set(names)].sort().map((name) => ({ name, path: join(folder, name), isSparse: false }));
}

/** A kernel here whose files are the very same, and that goes with no image; undefined where there is none. */
export async function findSameKernel(
  wanted: ArtefactKernel,
  kernels: KernelVerbs,
  signal: AbortSignal,
): Promise<Kernel | undefined> {
  const alike = kernels
    .list()
    .filter(({ owner }) => owner === undefined)
    .filter(
      ({ arch, release, sizeBytes }) =>
        arch === wanted.arch && release === wanted.release && sizeBytes === wanted.sizeBytes,
    );
  for (const kernel of alike) {
    const files = await kernelFiles(kernel, kernels.folder(kernel));
    if ((await archiveDigest(files, signal)) === wanted.diffId) return kernel;
  }
  return undefined;
}
