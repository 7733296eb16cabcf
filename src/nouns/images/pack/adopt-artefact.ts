import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { removeTree, replaceFile } from "../../../lib/destroy.ts";
import { BangerError } from "../../../lib/errors.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import {
  diskFileName,
  kernelFilePaths,
  type Artefact,
  type ArtefactDisk,
  type ArtefactKernel,
} from "../../../model/artefact.ts";
import type { Image } from "../../../model/image.ts";
import type { Volume } from "../../../model/image-parts.ts";
import type { Kernel, KernelContents } from "../../../model/kernel.ts";
import { applyLayers } from "../../../oci/layers/apply-layers.ts";
import { ImportBudget } from "../../../oci/layers/import-budget.ts";
import type { ImageSource } from "../../../oci/source/image-source.ts";
import { DEFAULT_LIMITS } from "../../../oci/layers/limits.ts";
import type { ResolvedImage } from "../../../oci/source/resolve-image.ts";
import { FormatError } from "../../../formats/format-error.ts";
import { unpackInto } from "../../../oci/layers/unpack-layer.ts";
import { FileUnpacker, type ExpectedFiles } from "../../../formats/tar/unpack-files.ts";
import type { ImageContext } from "../image-context.ts";
import { findSameKernel } from "../kernel/kernel-files.ts";
import { publish, stage } from "../../../core/places.ts";

/** A kernel with all its modules and debugging symbols is smaller. */
const MAX_KERNEL_FILE_BYTES = 4 * 1024 ** 3;
const MAX_KERNEL_FILES = 100_000;

export interface Adoption {
  readonly id: string;
  readonly name: string;
  /** As it was asked for. */
  readonly reference: string;
  /** Name of a kernel that is here, in place of the one that comes along. */
  readonly kernel: string | undefined;
  readonly resolved: ResolvedImage;
  readonly artefact: Artefact;
  readonly source: ImageSource;
}

/**
 * Makes an image of what another banger sent out: its disks byte by byte, and its kernel, unless the same one is here.
 * Files stand in their places when this resolves; whoever called gives the image its row, or removes its folders and the
 * kernel that is the image's until then. Nothing is in any place before all of it has been fetched and checked.
 *
 * @throws BangerError `ARTEFACT_INVALID` if it is not what it says of itself; what fetching layers gives cause to.
 */
export async function adoptArtefact(
  context: ImageContext,
  adoption: Adoption,
  operation: OperationContext,
): Promise<Image> {
  const { layout, store, kernels } = context;
  const { id, artefact } = adoption;
  checkProcessor(adoption);
  const work = await stage(layout, id);
  const kernelFolder = join(work, "kernel");
  await mkdir(kernelFolder, { recursive: true, mode: 0o700 });
  const here =
    adoption.kernel === undefined
      ? await findSameKernel(artefact.kernel, kernels, operation.signal)
      : store.kernels.get(adoption.kernel);
  await unpackLayers(context, adoption, work, here === undefined ? kernelFolder : undefined, operation);

  const kernel = here ?? (await addKernel(context, adoption, kernelFolder));
  await removeTree(work, "kernel", "made by this pull, under the open intent image.add");
  const place = await publish(layout, id, layout.imagesDir);
  const { osName = "no os-release" } = artefact.image.system;
  const note = `${osName}, kernel ${kernel.name}${here === undefined ? "" : " (here already)"}`;
  operation.progress({ id: "image", label: `image ${adoption.name}`, status: "done", note });
  return describe(adoption, kernel.name, place);
}

/** A kernel boots on the processor that it was made for or not at all. */
function checkProcessor({ artefact, resolved }: Adoption): void {
  const { architecture } = resolved.config.platform;
  if (artefact.kernel.arch === architecture) return;
  throw invalid(`its kernel is for ${artefact.kernel.arch}, and its disks are for ${architecture}`);
}

/** Fetches the layers that are needed and writes their files; without a folder for the kernel, that one is not. */
async function unpackLayers(
  { blobs, store }: ImageContext,
  { artefact, resolved, source }: Adoption,
  work: string,
  kernelFolder: string | undefined,
  operation: OperationContext,
): Promise<void> {
  const { disks, kernel } = artefact;
  const unpackers = new Map(disks.map((disk) => [disk.diffId, new FileUnpacker(work, diskFiles(disk))]));
  if (kernelFolder !== undefined) unpackers.set(kernel.diffId, new FileUnpacker(kernelFolder, kernelFiles(kernel)));
  const layers = resolved.layers.filter(({ diffId }) => unpackers.has(diffId));
  const unpackerOf = (index: number): FileUnpacker => {
    const unpacker = unpackers.get(layers[index]?.diffId ?? "");
    if (unpacker === undefined) throw new Error(`layer ${index} is nobody's`);
    return unpacker;
  };
  try {
    const budget = new ImportBudget(DEFAULT_LIMITS);
    await applyLayers(layers, source, blobs, unpackInto(unpackerOf, budget), operation);
    for (const [diffId, unpacker] of unpackers) {
      const sizes = await unpacker.finish();
      const disk = disks.find((one) => one.diffId === diffId);
      if (disk !== undefined && sizes.get(diskFileName(disk.id)) !== disk.sizeBytes) {
        throw invalid(`its ${disk.id} disk has not the size that it tells of`);
      }
    }
  } catch (error) {
    throw error instanceof FormatError ? invalid(error.message) : error;
  } finally {
    for (const unpacker of unpackers.values()) await unpacker.close();
  }
  for (const { id } of disks)
    await replaceFile(join(work, diskFileName(id)), join(work, VOLUME_FILES[id]), "work of the open intent image.add");
  // The image is the same again: a copy of its layers beside it would be of no use.
  const held = store.holds.held("blob");
  for (const { descriptor } of layers)
    if (held?.has(descriptor.digest) === false) await blobs.delete(descriptor.digest);
}

/** Names of an image's files in its folder. */
const VOLUME_FILES: Readonly<Record<ArtefactDisk["id"], string>> = { root: "rootfs.ext4", work: "work-seed.ext4" };

function diskFiles({ id, sizeBytes }: ArtefactDisk): ExpectedFiles {
  return { required: [diskFileName(id)], folders: [], maxFileBytes: sizeBytes, maxFiles: 1 };
}

function kernelFiles({ files }: ArtefactKernel): ExpectedFiles {
  const { modules } = files;
  return {
    required: kernelFilePaths(files).filter((path) => path !== modules),
    folders: modules === undefined ? [] : [`${modules}/`],
    maxFileBytes: MAX_KERNEL_FILE_BYTES,
    maxFiles: MAX_KERNEL_FILES,
  };
}

/** Keeps the kernel that came along; it belongs to the image, and goes with it, until that has its row. */
async function addKernel({ store, kernels }: ImageContext, adoption: Adoption, from: string): Promise<Kernel> {
  const { kernel } = adoption.artefact;
  const isTaken = store.kernels.find(kernel.name) !== undefined;
  const name = isTaken ? `${kernel.name.slice(0, 100)}-${kernel.diffId.slice(7, 15)}` : kernel.name;
  return kernels.add(name, placeKernel(adoption, from), adoption.id);
}

/** Lets the kernel that came with an image be one like any other, which further images may boot with. */
export function releaseKernel({ store }: Pick<ImageContext, "store">, image: Image): void {
  const { id, owner } = store.kernels.get(image.kernel);
  if (owner === image.id) store.kernels.transition(id, "released", { owner: undefined });
}

/** Moves a kernel's files, which have been checked, to where kernels are made. */
function placeKernel({ artefact, reference, resolved }: Adoption, from: string) {
  return async (target: string): Promise<KernelContents> => {
    const { files, source: told, arch, release, abilities, sizeBytes } = artefact.kernel;
    await replaceFile(
      from,
      target,
      "work of the open intents image.add and kernel.add; only an empty folder gives way",
    );
    if (files.modules !== undefined) await mkdir(join(target, files.modules), { recursive: true, mode: 0o700 });
    const source = { kind: "artefact" as const, reference, digest: resolved.digest, told };
    return { arch, release, files, abilities, sizeBytes, source };
  };
}

async function describe(
  { id, name, reference, resolved, artefact }: Adoption,
  kernel: string,
  place: string,
): Promise<Image> {
  const { os, architecture, variant } = resolved.config.platform;
  const { image } = artefact;
  const volumeOf = (disk: ArtefactDisk): Volume => {
    const { sizeBytes, usedBytes, uuid } = disk;
    return { path: join(place, VOLUME_FILES[disk.id]), sizeBytes, usedBytes, uuid };
  };
  const root = artefact.disks.find((disk) => disk.id === "root");
  const work = artefact.disks.find((disk) => disk.id === "work");
  if (root === undefined) throw invalid("it has no root disk");
  let size = 0;
  for (const disk of artefact.disks) size += (await stat(join(place, VOLUME_FILES[disk.id]))).blocks * 512;
  return {
    id,
    name,
    createdAt: new Date().toISOString(),
    origin: "pull",
    managed: true,
    reference,
    digest: resolved.digest,
    platform: { os, architecture, ...(variant !== undefined && { variant }) },
    size,
    rootfs: volumeOf(root),
    ...(work !== undefined && { workSeed: volumeOf(work) }),
    files: [],
    kernel,
    config: resolved.config.run,
    layers: [],
    packedFrom: {
      ...(image.reference !== undefined && { reference: image.reference }),
      ...(image.digest !== undefined && { digest: image.digest }),
      layers: image.layers,
    },
    history: image.history,
    system: image.system,
    ...(image.agentDigest !== undefined && { agentDigest: image.agentDigest }),
    ...(image.agentVersion !== undefined && { agentVersion: image.agentVersion }),
    ...(image.initDefault !== undefined && { initDefault: image.initDefault }),
    ...(image.services !== undefined && { services: image.services }),
  };
}

function invalid(why: string): BangerError {
  return new BangerError("ARTEFACT_INVALID", {
    what: "the image says that a banger made it, and is not as a banger makes them",
    why,
    fix: "ask whoever publishes it to push it again",
  });
}
