import { realpath } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { BangerError } from "../../lib/errors.ts";
import type { Image } from "../../model/image.ts";
import type { Layout } from "../../model/layout.ts";
import type { Store } from "../../store/store.ts";

/** Files that an image reads from. */
export function filesOf({ rootfs, workSeed, files }: Image): readonly string[] {
  return [rootfs.path, ...(workSeed === undefined ? [] : [workSeed.path]), ...files.map(({ path }) => path)];
}

/** Who reads from an image's folder besides itself and the VMs that were made from it, in words. */
export function readerOf(store: Store, imageId: string): string | undefined {
  // By the folder's name: a record may tell of it by another path, as before the data was moved.
  const isIn = (path: string): boolean => basename(dirname(path)) === imageId;
  const image = store.images.list().find((other) => other.id !== imageId && filesOf(other).some(isIn));
  if (image !== undefined) return `image ${image.name}`;
  const broken = store.images.broken().find(({ document }) => JSON.stringify(document ?? "").includes(`/${imageId}/`));
  if (broken !== undefined) return `image ${broken.name}, whose record cannot be read,`;
  const vm = store.vms.list().find(({ disks }) => disks.some(({ base }) => base !== undefined && isIn(base.path)));
  return vm === undefined ? undefined : `VM ${vm.name}`;
}

/**
 * Refuses files of banger's own as a user's: they change, and go, with the VM, image or kernel that they belong to.
 *
 * @throws BangerError `BAD_REQUEST`.
 */
export async function refuseOurs(layout: Layout, paths: readonly (string | undefined)[]): Promise<void> {
  const ours = await realpath(layout.dataDir).catch(() => layout.dataDir);
  for (const path of paths) {
    // What is not there is told of by who reads it.
    const place = path === undefined ? undefined : await realpath(path).catch(() => undefined);
    if (place === undefined || !place.startsWith(`${ours}/`)) continue;
    throw new BangerError("BAD_REQUEST", {
      what: `${path} is banger's own, and is not registered where it lies`,
      why: "it goes with the VM or image that it belongs to",
      fix: `copy it to a folder of yours, and register the copy: cp --sparse=always ${path} .`,
    });
  }
}
