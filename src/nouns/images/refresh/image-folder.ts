import { basename, dirname, join } from "node:path";
import { removeFile } from "../../../lib/destroy.ts";
import { namesIn } from "../../../lib/names-in.ts";
import type { Layout } from "../../../model/layout.ts";
import type { ImageStore } from "../image-store.ts";
import { IMAGE_REFRESH } from "../image-intents.ts";

/** Root file systems of an image, as pull, build, promote and refresh name them. */
const ROOTFS_FILE = /^rootfs(?:-[0-9a-f]{12})?\.ext4$/;

interface Place {
  readonly store: ImageStore;
  readonly layout: Layout;
}

/** The same as {@link sweepRefreshed}, but while a refresh has put there what no row names yet: that sweeps by itself. */
export async function sweepImageFolder(place: Place, imageId: string): Promise<void> {
  const isBeingRefreshed = place.store.intents
    .open()
    .some(({ kind, subject }) => kind === IMAGE_REFRESH.kind && subject === imageId);
  if (!isBeingRefreshed) await sweepRefreshed(place, imageId);
}

/**
 * Removes root file systems of an image that neither the image nor any VM's disk reads from: what a refresh has replaced,
 * once the last VM on it is gone. Safe to repeat.
 */
export async function sweepRefreshed({ store, layout }: Place, imageId: string): Promise<void> {
  if (store.images.find(imageId) === undefined) return;
  // Who does not say which files it reads from may read any of its image's; what does not read at all, any.
  const held = store.holds.held("file");
  if (held === undefined || store.holds.of("files-of", [imageId]).length > 0) return;
  // By folder and name: a record may tell of the folder by another path, as before the data was moved.
  const read = new Set([...held].map((path) => join(basename(dirname(path)), basename(path))));
  const folder = join(layout.imagesDir, imageId);
  for (const name of namesIn(folder)) {
    if (!ROOTFS_FILE.test(name) || read.has(join(imageId, name))) continue;
    await removeFile(
      join(folder, name),
      "named as banger names an image's root file systems; no record of an image or VM reads it",
    );
  }
}
