import type { OperationContext } from "../../../lib/progress.ts";
import type { Image } from "../../../model/image.ts";
import type { ImageStore } from "../image-store.ts";
import { newerName } from "../../kernels/index.ts";

/** Has an image boot the version of its kernel that has taken the kernel's name since. VMs go on with the one they have. */
export function onNewerKernel(
  store: ImageStore,
  image: Image,
  { progress }: Pick<OperationContext, "progress">,
): Image {
  const kernel = newerName(store, image.kernel);
  if (kernel === undefined) return image;
  const moved = store.images.transition(image.id, "kernel-changed", { kernel });
  progress({ id: "kernel", label: `image ${image.name} boots ${kernel}`, status: "done" });
  return moved;
}
