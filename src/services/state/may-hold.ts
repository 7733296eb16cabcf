import { z } from "zod";
import type { BrokenObject } from "../../store/collection.ts";
import type { Store } from "../../store/store.ts";

/** As much of a VM as says what it needs. */
const vmNeedsSchema = z.object({
  image: z.object({ id: z.string() }),
  kernel: z.object({ id: z.string() }),
  disks: z.array(z.object({ path: z.string() })),
});

/** The same of an image. */
const imageNeedsSchema = z.object({ kernel: z.string(), layers: z.array(z.object({ digest: z.string() })) });

/** A VM whose record does not read and that may need this image; one that does not even say what it needs may need any. */
export function vmMayNeedImage(store: Store, imageId: string): BrokenObject | undefined {
  return store.vms.broken().find(({ document }) => {
    const needs = vmNeedsSchema.safeParse(document).data;
    return needs === undefined || needs.image.id === imageId || JSON.stringify(document).includes(imageId);
  });
}

/** What does not read and may boot with this kernel. */
export function mayNeedKernel(
  store: Store,
  kernel: { readonly id: string; readonly name: string; readonly formerName?: string | undefined },
): BrokenObject | undefined {
  const vm = store.vms.broken().find(({ document }) => {
    const needs = vmNeedsSchema.safeParse(document).data;
    return needs === undefined || needs.kernel.id === kernel.id;
  });
  return (
    vm ??
    store.images.broken().find(({ document }) => {
      const needs = imageNeedsSchema.safeParse(document).data;
      return needs === undefined || [kernel.name, kernel.formerName].includes(needs.kernel);
    })
  );
}
