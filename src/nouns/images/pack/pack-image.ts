import { join } from "node:path";
import { BangerError } from "../../../lib/errors.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import { VERSION } from "../../../lib/version.ts";
import { diskFileName, type Artefact, type ArtefactDisk } from "../../../model/artefact.ts";
import type { Image } from "../../../model/image.ts";
import type { Volume } from "../../../model/image-parts.ts";
import type { Kernel, KernelSource } from "../../../model/kernel.ts";
import { composeArtefact } from "../../../oci/push/packed-image.ts";
import { BANGER_DISK_ZSTD, BANGER_KERNEL_ZSTD } from "../../../oci/manifest/media-types.ts";
import { packLayer, type PackedLayer } from "../../../oci/push/pack-layer.ts";
import { parseReference } from "../../../oci/source/reference.ts";
import type { OutgoingImage } from "../../../oci/push/push-image.ts";
import type { ImageContext } from "../image-context.ts";
import { kernelFiles } from "../kernel/kernel-files.ts";

const TITLE = "org.opencontainers.image.title";

/**
 * Packs an image with its kernel, to be sent to wherever. The layers are written to `folder`, which is the caller's to
 * remove.
 *
 * @throws BangerError `IMAGE_UNMANAGED` for an image whose files are the user's; what packing gives cause to.
 */
export async function packImage(
  { store, kernels }: ImageContext,
  image: Image,
  folder: string,
  operation: OperationContext,
): Promise<OutgoingImage> {
  refuseUnmanaged(image);
  const kernel = store.kernels.get(image.kernel);
  const pack = (id: ArtefactDisk["id"], { path }: Volume): Promise<PackedLayer> => {
    const name = diskFileName(id);
    const options = { ...operation, mediaType: BANGER_DISK_ZSTD, annotations: { [TITLE]: name }, label: `${id} disk` };
    return packLayer([{ name, path, isSparse: true }], join(folder, id), options);
  };
  const root = await pack("root", image.rootfs);
  const work = image.workSeed && (await pack("work", image.workSeed));
  const files = await kernelFiles(kernel, kernels.folder(kernel));
  const packedKernel = await packLayer(files, join(folder, "kernel"), {
    ...operation,
    mediaType: BANGER_KERNEL_ZSTD,
    annotations: { [TITLE]: `kernel ${kernel.release}` },
    label: `kernel ${kernel.name}`,
  });
  const artefact: Artefact = {
    version: 1,
    madeBy: VERSION,
    image: describeImage(image),
    disks: [
      describeDisk("root", image.rootfs, root),
      ...(image.workSeed && work ? [describeDisk("work", image.workSeed, work)] : []),
    ],
    kernel: describeKernel(kernel, packedKernel),
  };
  return composeArtefact(image, artefact, [root, ...(work ? [work] : []), packedKernel]);
}

function describeImage(image: Image): Artefact["image"] {
  const { name, system, history, packedFrom, agentDigest, agentVersion, initDefault, services } = image;
  const from = packedFrom ?? image;
  // Where it lay on this host is nobody's business, and of no use to anybody.
  const isPublic = from.reference !== undefined && parseReference(from.reference).kind === "registry";
  return {
    name,
    ...(isPublic && { reference: from.reference }),
    ...(from.digest !== undefined && { digest: from.digest }),
    layers: from.layers,
    history,
    system,
    ...(agentDigest !== undefined && { agentDigest }),
    ...(agentVersion !== undefined && { agentVersion }),
    ...(initDefault !== undefined && { initDefault }),
    ...(services !== undefined && { services }),
  };
}

function describeDisk(id: ArtefactDisk["id"], volume: Volume, { diffId }: PackedLayer): ArtefactDisk {
  const { sizeBytes, usedBytes, uuid } = volume;
  return { id, diffId, sizeBytes, usedBytes, uuid };
}

function describeKernel(kernel: Kernel, { diffId }: PackedLayer): Artefact["kernel"] {
  const { name, arch, release, files, abilities, sizeBytes } = kernel;
  return { name, diffId, arch, release, source: describeSource(kernel.source), files, abilities, sizeBytes };
}

/** Where a kernel came from, with nothing in it of this host's folders. */
function describeSource(source: KernelSource): string {
  switch (source.kind) {
    case "debian":
      return `Debian ${source.suite}, ${source.package} ${source.version}`;
    case "import":
      return "files of whoever made the image";
    case "catalog":
      return `catalog ${source.catalog}, ${source.kernel} ${source.version}`;
    case "build":
      return `built by recipe ${source.recipe} from ${source.source}`;
    case "artefact":
      return source.told;
  }
}

/** @throws BangerError `IMAGE_UNMANAGED`. */
export function refuseUnmanaged(image: Image): void {
  if (image.managed) return;
  throw new BangerError("IMAGE_UNMANAGED", {
    what: `image ${image.name} cannot be sent out`,
    why: "its files are yours, and may change while they are read",
    fix: `copy them into what banger owns with \`banger image promote ${image.name}\`, then try again`,
  });
}
