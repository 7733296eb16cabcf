import type { VmNetwork } from "../../../model/vm.ts";
import type { VmContext } from "../vm-context.ts";

/** Writes down what a VM's network is before it is made, and what keeps it once it is; not of a VM that is gone. */
export function noteNetwork({ store }: Pick<VmContext, "store">): (vmId: string, network: VmNetwork) => void {
  return (vmId, network) => void store.vms.transitionIfThere(vmId, "networked", { network });
}
