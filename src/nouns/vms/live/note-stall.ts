import type { PausedBecause } from "../../../model/paused-because.ts";
import type { Vm } from "../../../model/vm.ts";
import type { VmContext } from "../vm-context.ts";
import type { LiveVm } from "./live-vms.ts";

const RUNS: ReadonlySet<Vm["state"]> = new Set(["running", "resuming", "paused"]);

/** Has everybody who waits for a guest hear that its machine stands still, and writes down why. One that starts says so itself. */
export function noteStall(
  { store }: Pick<VmContext, "store">,
  vmId: string,
  live: LiveVm,
  because: PausedBecause,
): void {
  const vm = store.vms.get(vmId);
  live.stall.begin(vm.name, because);
  live.keepStill(true);
  if (RUNS.has(vm.state)) store.vms.transition(vmId, "paused", { pausedBecause: because });
}

/** Why a VM stands still whose VMM stopped it. */
export function vmmStopped(reason: string): PausedBecause {
  return { kind: "vmm-stopped", reason, since: new Date().toISOString() };
}

/** For as long as a machine lives: writes down when its VMM stopped it for another reason than a full disk. */
export function followVmmStops(
  { store, live, log }: Pick<VmContext, "store" | "live" | "log">,
  vmId: string,
  of: LiveVm,
): void {
  of.machine.ownStops?.onStopped((reason) => {
    const vm = live.get(vmId) === of ? store.vms.find(vmId) : undefined;
    if (vm === undefined) return;
    log.error({ vm: vm.name, reason }, "the VMM stopped a VM");
    noteStall({ store }, vmId, of, vmmStopped(reason));
  });
}
