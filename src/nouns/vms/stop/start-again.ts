import type { OperationContext } from "../../../lib/progress.ts";
import type { Vm } from "../../../model/vm.ts";
import type { VmReboots } from "../../../model/vm-boots.ts";
import type { VmContext } from "../vm-context.ts";

type Start = (context: VmContext, vm: Vm, operation: OperationContext, reboots: VmReboots) => Promise<Vm>;

/** Starts a VM whose guest rebooted, once it is the VM's turn. */
export type StartAgain = (context: VmContext, vmId: string, reboots: VmReboots) => void;

/**
 * Makes that of how a VM is started. What was asked for meanwhile goes first: a VM that somebody has stopped, started or
 * deleted since is left as it is.
 */
export function startAgainBy(start: Start): StartAgain {
  return (context, vmId, reboots) => {
    const { store, queue, log } = context;
    const stoppedAt = store.vms.find(vmId)?.lastStop?.at;
    const signal = new AbortController().signal;
    const again = async (within: AbortSignal): Promise<void> => {
      const vm = store.vms.find(vmId);
      if (vm?.state !== "stopped" || vm.lastStop?.at !== stoppedAt) return;
      log.info({ vm: vm.name, reboots: reboots.count }, "its guest rebooted: it is started again");
      await start(context, vm, { signal: within, progress: () => {} }, reboots);
    };
    queue
      .run(vmId, signal, again)
      .catch((error: unknown) => log.warn({ err: error, vm: vmId }, "a VM whose guest rebooted did not start again"));
  };
}
