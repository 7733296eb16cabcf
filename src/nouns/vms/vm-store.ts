import type { Store } from "../../core/store.ts";
import type { imageTable } from "../images/index.ts";
import type { kernelTable } from "../kernels/index.ts";
import type { volumeTable } from "../volumes/index.ts";
import type { vmTable } from "./vm-table.ts";

/** As much of the store as the verbs on VMs need. */
export type VmStore = Store<{
  readonly kernels: typeof kernelTable;
  readonly images: typeof imageTable;
  readonly volumes: typeof volumeTable;
  readonly vms: typeof vmTable;
}>;
