import type { Vm } from "../../../model/vm.ts";
import type { LiveVm } from "../live/live-vms.ts";
import { shutDown } from "../stop/stop-vm.ts";
import type { VmContext } from "../vm-context.ts";

/** How long a guest may take to write out what outlives it. */
const SAVE_MS = 10_000;

/** Lets a guest shut down that is to be deleted and writes to volumes: they outlive it, as what it has not written out would not. */
export async function saveVolumes(context: VmContext, vm: Vm, live: LiveVm): Promise<void> {
  const mayWrite = vm.spec.volumes.some(({ readOnly }) => !readOnly);
  if (!mayWrite || (vm.state !== "running" && vm.state !== "paused")) return;
  const how = await shutDown(context, live, { timeoutMs: SAVE_MS, force: false }, new AbortController().signal);
  context.log.info({ vm: vm.name, how }, "its volumes outlive it");
}
