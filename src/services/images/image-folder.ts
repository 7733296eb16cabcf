import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { removeFile } from "../../lib/destroy.ts";
import { hasErrno } from "../../lib/errors.ts";
import type { Layout } from "../../model/layout.ts";
import type { VmDisk } from "../../model/vm.ts";
import type { Store } from "../../store/store.ts";
import { filesOf } from "./image-readers.ts";
import { vmMayNeedImage } from "../state/may-hold.ts";

/** Root file systems of an image, as pull, build, promote and refresh name them. */
const ROOTFS_FILE = /^rootfs(?:-[0-9a-f]{12})?\.ext4$/;

interface Place {
  readonly store: Store;
  readonly layout: Layout;
}

/** The same as {@link sweepRefreshed}, but while a refresh has put there what no row names yet: that sweeps by itself. */
export async function sweepImageFolder(place: Place, imageId: string): Promise<void> {
  const isBeingRefreshed = place.store.intents
    .open()
    .some(({ kind, subject }) => kind === "image.refresh" && subject === imageId);
  if (!isBeingRefreshed) await sweepRefreshed(place, imageId);
}

/**
 * Removes root file systems of an image that neither the image nor any VM's disk reads from: what a refresh has replaced,
 * once the last VM on it is gone. Safe to repeat.
 */
export async function sweepRefreshed({ store, layout }: Place, imageId: string): Promise<void> {
  const image = store.images.find(imageId);
  if (image === undefined) return;
  // Nor does a VM whose record does not read; and an image of which that is so may be of these files.
  if (vmMayNeedImage(store, imageId) !== undefined || store.images.broken().length > 0) return;
  const vms = store.vms.list();
  // Overlays of the first bangers do not say what they read from: as long as their image has one, nothing goes.
  if (vms.some((vm) => vm.image.id === imageId && vm.disks.some(isUntold))) return;
  const disks = vms.flatMap((vm) => vm.disks);
  // By folder and name: a record may tell of the folder by another path, as before the data was moved.
  const read = new Set(
    [
      image.rootfs.path,
      ...store.images.list().flatMap(filesOf),
      ...disks.flatMap(({ base }) => (base === undefined ? [] : [base.path])),
    ].map((path) => join(basename(dirname(path)), basename(path))),
  );
  const folder = join(layout.imagesDir, imageId);
  for (const name of await namesIn(folder)) {
    if (!ROOTFS_FILE.test(name) || read.has(join(imageId, name))) continue;
    await removeFile(
      join(folder, name),
      "named as banger names an image's root file systems; no record of an image or VM reads it",
    );
  }
}

function isUntold({ strategy, base }: VmDisk): boolean {
  return strategy === "qcow2" && base === undefined;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}
