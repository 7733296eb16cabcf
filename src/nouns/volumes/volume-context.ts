import type { Store } from "../../core/store.ts";
import type { Layout } from "../../model/layout.ts";
import type { Vm } from "../../model/vm.ts";
import type { volumeTable } from "./volume-table.ts";

/** As much of the store as the verbs on volumes need: of VMs, what they mount. */
export type VolumeStore = Store<{ readonly volumes: typeof volumeTable }> & {
  readonly vms: { list(): readonly Pick<Vm, "name" | "state" | "spec">[] };
};

export interface VolumeContext {
  readonly layout: Layout;
  readonly store: VolumeStore;
}
