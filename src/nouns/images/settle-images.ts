import type { Settler } from "../../core/recovery.ts";
import { removeTree } from "../../lib/destroy.ts";
import type { ImageContext } from "./image-context.ts";
import { sweepRefreshed } from "./refresh/image-folder.ts";
import { IMAGE_ADD, IMAGE_DELETE, IMAGE_PROMOTE, IMAGE_REFRESH } from "./image-intents.ts";
import { forgetOwnedKernels } from "./kernel/owned-kernel.ts";
import { settlePromotion } from "./register/promote-image.ts";

/** How what a daemon left half-done with images is settled. */
export function imageSettlers(context: ImageContext): readonly Settler[] {
  const { store, layout } = context;
  return [
    {
      kind: IMAGE_ADD,
      before: ({ subject }) => context.builds().forgetVmsFor(subject),
      settle: async ({ subject }) => {
        if (store.images.find(subject) !== undefined) return undefined;
        await forgetOwnedKernels(context, subject);
        await removeTree(layout.imagesDir, subject, "named by the open intent image.add; it never got its row");
        return "undid an image that was being added";
      },
    },
    {
      kind: IMAGE_PROMOTE,
      settle: async ({ subject }) => {
        await settlePromotion(context, subject);
        return "settled an image that was being promoted";
      },
    },
    {
      kind: IMAGE_REFRESH,
      settle: async ({ subject }) => {
        await sweepRefreshed(context, subject);
        return "settled an image that was being refreshed";
      },
    },
    {
      kind: IMAGE_DELETE,
      settle: async ({ subject }) => {
        await forgetOwnedKernels(context, subject);
        store.images.delete(subject);
        await removeTree(layout.imagesDir, subject, "named by the open intent image.delete");
        return "finished deleting an image";
      },
    },
  ];
}
