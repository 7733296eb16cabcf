import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { copyVerified } from "../../../disk/copy-verified.ts";
import { removeFile, removeTree, replaceFile } from "../../../lib/destroy.ts";
import { BangerError } from "../../../lib/errors.ts";
import { syncDirectory } from "../../../lib/files.ts";
import { ensurePrivateDirectory } from "../../../lib/private-directory.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { Image } from "../../../model/image.ts";
import type { Volume } from "../../../model/image-parts.ts";
import type { ImageContext } from "../image-context.ts";
import type { VmsOfImages } from "../image-ports.ts";
import { checkUserFiles } from "./user-files.ts";
import { IMAGE_PROMOTE } from "../image-intents.ts";
import { stage } from "../../../core/places.ts";

/**
 * Copies an unmanaged image's files into what banger owns, and has VMs that read from them read from the copies: then the
 * user's files may go. Until all is copied and verified, nothing has changed.
 *
 * @throws BangerError `IMAGE_FILES_CHANGED`; `VM_WRONG_STATE` while a VM runs on an overlay over these files; `DISK_FULL`.
 */
export async function promoteImage(context: ImageContext, ref: string, operation: OperationContext): Promise<Image> {
  const { store, layout, vms } = context;
  const image = store.images.get(ref);
  if (image.managed) return image;
  await checkUserFiles(image);
  refuseRunning(vms(), image);
  const home = join(layout.imagesDir, image.id);
  const intent = store.intents.begin(IMAGE_PROMOTE, image.id);
  try {
    const work = await stage(layout, image.id);
    const rootfs = await copyVolume(image.rootfs, join(work, ROOTFS), operation);
    const workSeed = image.workSeed && (await copyVolume(image.workSeed, join(work, WORK_SEED), operation));
    // Somebody may have written to them meanwhile.
    await checkUserFiles(image);
    const size = await occupied([rootfs, workSeed]);
    await ensurePrivateDirectory(home);
    for (const name of await readdir(work))
      await replaceFile(
        join(work, name),
        join(home, name),
        "work of the open intent image.promote; the image has no file of its own",
      );
    await syncDirectory(home);
    store.images.transition(image.id, "promoted", {
      managed: true,
      size,
      rootfs: { ...rootfs, path: join(home, ROOTFS) },
      ...(workSeed && { workSeed: { ...workSeed, path: join(home, WORK_SEED) } }),
    });
  } catch (error) {
    await settlePromotion(context, image.id);
    store.intents.end(intent, "undone");
    throw error;
  }
  // From here on it goes forward: what fails now, the next start does.
  await settlePromotion(context, image.id);
  store.intents.end(intent);
  operation.progress({ id: "promote", label: `image ${image.name} is banger's own now`, status: "done" });
  return store.images.get(image.id);
}

const ROOTFS = "rootfs.ext4";
const WORK_SEED = "work-seed.ext4";

/**
 * Brings a promotion to its end, as the image's row says: where it is managed, its VMs are led to the new file; where it
 * is not, the copies go. Safe to repeat.
 */
export async function settlePromotion(
  { store, layout, vms }: Pick<ImageContext, "store" | "layout" | "vms">,
  imageId: string,
): Promise<void> {
  const image = store.images.find(imageId);
  await removeTree(layout.workDir, imageId, "named by the open intent image.promote");
  if (image?.managed !== true) {
    for (const name of [ROOTFS, WORK_SEED])
      await removeFile(
        join(layout.imagesDir, imageId, name),
        "a copy under the open intent image.promote, which failed",
      );
    return;
  }
  const olds = new Set(image.files.map(({ path }) => path));
  await vms().lead(imageId, olds, image.rootfs.path);
}

function refuseRunning(vms: VmsOfImages, image: Image): void {
  const names = vms.runningReadersOf(image.rootfs.path);
  if (names.length === 0) return;
  throw new BangerError("VM_WRONG_STATE", {
    what: `image ${image.name} cannot be promoted while VMs read from its files`,
    why: `${names.join(", ")} ${names.length === 1 ? "runs" : "run"}`,
    fix: names.map((name) => `banger vm stop ${name}`).join("; "),
    data: { vms: names },
  });
}

async function copyVolume(volume: Volume, target: string, { signal, progress }: OperationContext): Promise<Volume> {
  const event = { id: `copy:${volume.path}`, label: `copying ${volume.path}`, unit: "bytes" } as const;
  const { sha256, way } = await copyVerified(volume.path, target, {
    signal,
    onProgress: (done) => progress({ ...event, done, total: volume.sizeBytes, status: "running" }),
  });
  progress({ ...event, status: "done", note: `${way}, ${sha256.slice(0, 19)}…` });
  return { ...volume, path: target, sha256 };
}

async function occupied(volumes: readonly (Volume | undefined)[]): Promise<number> {
  let bytes = 0;
  for (const volume of volumes) if (volume !== undefined) bytes += (await stat(volume.path)).blocks * 512;
  return bytes;
}
