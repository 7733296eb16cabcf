import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { hasErrno } from "../../lib/errors.ts";
import type { Image } from "../../model/image.ts";
import { isDigest } from "../../oci/digest.ts";
import type { ImageContext } from "./image-context.ts";

/** How long a layer that no image holds is kept: a pull that failed is tried again, and resumes. */
const KEEP_UNHELD_MS = 24 * 3600 * 1000;

/** Drops the layers of a deleted image that no other image holds. */
export async function releaseBlobs({ store, blobs }: ImageContext, image: Image): Promise<void> {
  const held = heldDigests(store.images.list());
  for (const { digest } of image.layers) {
    if (isDigest(digest) && !held.has(digest)) await blobs.delete(digest);
  }
}

/** Drops layers, whole or in part, that no image holds and that nobody came back for. */
export async function pruneBlobs({ store, layout }: ImageContext, now = Date.now()): Promise<number> {
  const held = heldDigests(store.images.list());
  let dropped = 0;
  for (const algorithm of await entries(layout.blobsDir)) {
    for (const name of await entries(join(layout.blobsDir, algorithm))) {
      const path = join(layout.blobsDir, algorithm, name);
      if (held.has(`${algorithm}:${name}`)) continue;
      if (now - (await stat(path)).mtimeMs < KEEP_UNHELD_MS) continue;
      await rm(path, { force: true });
      dropped += 1;
    }
  }
  return dropped;
}

function heldDigests(images: readonly Image[]): ReadonlySet<string> {
  return new Set(images.flatMap((image) => image.layers.map((layer) => layer.digest)));
}

async function entries(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}
