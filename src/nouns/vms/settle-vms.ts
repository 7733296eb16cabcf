import type { Intent } from "../../core/intents.ts";
import type { Settler } from "../../core/recovery.ts";
import { atRest } from "./stop/at-rest.ts";
import { VM_CREATE } from "./create/create-vm.ts";
import { forgetVm, VM_DELETE } from "./delete/delete-vm.ts";
import { endStrays } from "./delete/end-strays.ts";
import { dropForeignDisks, VM_REBASE } from "./create/rebase-vm.ts";
import { VM_START } from "./start/start-vm.ts";
import { endMachine, VM_STOP } from "./stop/stop-vm.ts";
import type { VmContext } from "./vm-context.ts";
import { detachDisks } from "./disks/vm-disks.ts";

/** How what a daemon left half-done with VMs is settled. */
export function vmSettlers(context: VmContext): readonly Settler[] {
  const { store } = context;
  const bringToRest: Settler["settle"] = async ({ subject }) => {
    const vm = store.vms.find(subject);
    if (vm === undefined || (vm.state !== "starting" && vm.state !== "stopping")) return undefined;
    // A start without its daemon has lost who waited for it; a stop that was begun is wanted.
    await endMachine(context, subject);
    await endStrays(context, subject);
    await detachDisks(subject, vm, true);
    store.vms.transition(subject, "stopped", atRest);
    return `VM ${vm.name}: was ${vm.state} when the daemon died; it is stopped now`;
  };
  return [
    {
      kind: VM_CREATE,
      settle: async ({ subject }) => {
        if (store.vms.find(subject)?.state !== "creating") return undefined;
        await forgetVm(context, subject);
        return "undid a VM that was being created";
      },
    },
    { kind: VM_START, settle: bringToRest },
    { kind: VM_STOP, settle: async (intent) => stoppedUnseen(context, intent) ?? (await bringToRest(intent)) },
    {
      kind: VM_REBASE,
      settle: async ({ subject }) => {
        const vm = store.vms.find(subject);
        if (vm === undefined) return undefined;
        // The row says whether it came to pass; the disk that it does not name is nobody's.
        await dropForeignDisks(context, vm);
        return `VM ${vm.name}: settled its change to another image; it is on ${vm.image.name}`;
      },
    },
    {
      kind: VM_DELETE,
      settle: async ({ subject }) => {
        await endStrays(context, subject);
        await forgetVm(context, subject);
        return "finished deleting a VM";
      },
    },
  ];
}

/** A VMM that ended while nobody looked, and after somebody had asked for its end, did not fail. */
function stoppedUnseen({ store }: VmContext, { subject, startedAt }: Intent): string | undefined {
  const vm = store.vms.find(subject);
  if (vm?.state !== "failed" || vm.lastStop?.cause !== "unseen" || vm.lastStop.at < startedAt) return undefined;
  const what = "by `vm stop`, whose daemon died meanwhile";
  store.vms.transition(subject, "stopped", {
    failure: undefined,
    lastStop: { at: vm.lastStop.at, cause: "stop", what },
  });
  return `VM ${vm.name}: was being stopped when the daemon died; it is stopped now`;
}
