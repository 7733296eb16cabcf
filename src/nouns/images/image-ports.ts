import type { OperationContext } from "../../lib/progress.ts";
import type { Image } from "../../model/image.ts";

/** What VMs do for the images that they were made from. They know images, and images do not know them. */
export interface VmsOfImages {
  /** Names of VMs of which a disk reads from a file. */
  readersOf(path: string): readonly string[];
  /** Those of them that run. */
  runningReadersOf(path: string): readonly string[];
  /** Has the VMs of an image read from `path` what they read from one of `olds`, whose content is the same. Safe to repeat. */
  lead(imageId: string, olds: ReadonlySet<string>, path: string): Promise<void>;
}

/** What builds do for images: they work in VMs, of which images know nothing. */
export interface ImageBuilds {
  /**
   * Gives an image whose files stand in their place, and that has no row yet, an init of its own where it has none.
   *
   * @throws BangerError `GUEST_UNSUPPORTED`, `FIRST_BOOT_FAILED`.
   */
  installInit(image: Image, allowHost: boolean, operation: OperationContext): Promise<Image>;
  /** Removes the VMs in which an image was being made. Safe to repeat. */
  forgetVmsFor(imageId: string): Promise<void>;
}
