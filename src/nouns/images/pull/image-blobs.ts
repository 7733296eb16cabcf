import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { removeFile } from "../../../lib/destroy.ts";
import { namesIn } from "../../../lib/names-in.ts";
import type { Image } from "../../../model/image.ts";
import { isDigest } from "../../../oci/manifest/digest.ts";
import { objectFolders } from "../../../core/state/look-at-state.ts";
import type { ImageContext } from "../image-context.ts";

/** How long a layer that no image holds is kept: a pull that failed is tried again, and resumes. */
const KEEP_UNHELD_MS = 24 * 3600 * 1000;

type Context = Pick<ImageContext, "store" | "blobs" | "layout">;

/** Drops the layers of a deleted image that no other image holds. */
export async function releaseBlobs(context: Context, image: Image): Promise<void> {
  const held = heldDigests(context);
  if (held === "unknown") return;
  for (const { digest } of image.layers) {
    if (isDigest(digest) && !held.has(digest)) await context.blobs.delete(digest);
  }
}

/**
 * Drops layers, whole or in part, that no image holds and that nobody came back for. Those that are older than this state
 * are not its own to drop.
 */
export async function pruneBlobs(context: Context, now = Date.now()): Promise<number> {
  const { store, layout } = context;
  const held = heldDigests(context);
  if (held === "unknown") return 0;
  const { createdAt } = store.instance();
  const since = Date.parse(createdAt);
  let dropped = 0;
  for (const algorithm of namesIn(layout.blobsDir)) {
    for (const name of namesIn(join(layout.blobsDir, algorithm))) {
      const path = join(layout.blobsDir, algorithm, name);
      const digest = `${algorithm}:${name.replace(/\.partial$/, "")}`;
      if (held.has(`${algorithm}:${name}`) || !isDigest(digest)) continue;
      const found = await lstat(path);
      if (!found.isFile() || now - found.mtimeMs < KEEP_UNHELD_MS || !(found.mtimeMs >= since)) continue;
      await removeFile(path, "a layer that this state fetched, which no image holds, and a day old");
      dropped += 1;
    }
  }
  return dropped;
}

/** What cannot be pruned today may be tomorrow; no daemon stays down for it. */
export async function tryPruneBlobs(context: ImageContext): Promise<void> {
  try {
    await pruneBlobs(context);
  } catch (error) {
    context.log.error({ err: error }, "layers that no image holds could not be dropped");
  }
}

/** Digests that somebody holds; `unknown` where there is an image of which it cannot be told. */
function heldDigests({ store, layout }: Context): ReadonlySet<string> | "unknown" {
  const known = store.images.ids();
  // An image that the state does not know holds its layers all the same, for the day on which it is taken back.
  if (objectFolders(layout, "images").some(({ id }) => !known.has(id))) return "unknown";
  return store.holds.held("blob") ?? "unknown";
}
