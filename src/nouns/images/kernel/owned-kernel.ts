import { removeTree } from "../../../lib/destroy.ts";
import type { Layout } from "../../../model/layout.ts";
import type { ImageStore } from "../image-store.ts";

/** Removes the kernel that belongs to an image, with its files. Safe to repeat. */
export async function forgetOwnedKernels(
  { store, layout }: { readonly store: ImageStore; readonly layout: Layout },
  imageId: string,
): Promise<void> {
  for (const kernel of store.kernels.list()) {
    if (kernel.owner !== imageId) continue;
    store.kernels.delete(kernel.id);
    await removeTree(
      layout.kernelsDir,
      kernel.id,
      "its record says that it goes with the image, which is being deleted or failed",
    );
  }
}
