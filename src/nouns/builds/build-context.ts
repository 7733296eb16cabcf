import type { ImageContext } from "../images/index.ts";
import type { VmContext } from "../vms/index.ts";

/** What the ways to build share. */
export interface BuildContext {
  /** Where what is built goes. */
  readonly images: ImageContext;
  /** What runs the VMs in which images are built. */
  readonly vms: VmContext;
}
