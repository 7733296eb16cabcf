import { removeFile, removeTree } from "../../../lib/destroy.ts";
import { BangerError } from "../../../lib/errors.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import { isId } from "../../../lib/ids.ts";
import { vmOnNetworkSchema, type Vm } from "../../../model/vm.ts";
import type { BrokenObject } from "../../../core/rows.ts";
import { aboutFields } from "../../../model/fields/about-fields.ts";
import { installLog } from "../first-boot/install-logs.ts";
import { sweepImageFolder } from "../../images/index.ts";
import { endStrays } from "./end-strays.ts";
import { endMachine } from "../stop/stop-vm.ts";
import { detachDisks } from "../disks/vm-disks.ts";
import type { VmContext } from "../vm-context.ts";
import { holdersOf } from "../../../core/holders.ts";
import { onwardIntentKind } from "../../../core/intents.ts";

/** Once begun it goes through. */
export const VM_DELETE = onwardIntentKind("vm.delete");

/**
 * Deletes a VM and all that it has. Once begun it goes through: what a dying daemon leaves of it, recovery finishes.
 *
 * @throws BangerError unless `force` is given: `VM_WRONG_STATE` if it runs, `VM_IN_USE` if something is in it that is known by
 *         a name of its own.
 */
export async function deleteVm(
  context: VmContext,
  vm: Vm,
  force: boolean,
  { progress }: OperationContext,
): Promise<void> {
  if ((context.live.has(vm.id) || vm.machine !== undefined) && !force) {
    throw new BangerError("VM_WRONG_STATE", {
      what: `VM ${vm.name} is ${vm.state}`,
      fix: `stop it first with \`banger vm stop ${vm.name}\`, or add \`force\``,
      data: aboutFields("force"),
    });
  }
  if (!force) refuseHeld(context, vm);
  context.store.vms.check(vm, "deleting");
  progress({ id: "delete", label: `deleting ${vm.name}`, status: "running" });
  const intent = context.store.intents.begin(VM_DELETE, vm.id);
  context.store.vms.transition(vm.id, "deleting");
  await forgetVm(context, vm.id);
  if (vm.firstBoot !== undefined)
    await removeFile(
      installLog(context.layout, vm.id),
      "the log of this VM's installation, by its id; under the open intent vm.delete",
    );
  context.store.intents.end(intent);
  progress({ id: "delete", label: `deleted ${vm.name}`, status: "done" });
}

function refuseHeld({ store }: VmContext, { id, name }: Vm): void {
  const [holder] = holdersOf(store, "vm", [id]).filter(({ isBroken }) => !isBroken);
  if (holder === undefined) return;
  const { noun, singular, name: its } = holder;
  throw new BangerError("VM_IN_USE", {
    what: `VM ${name} is not deleted`,
    why: `${singular} ${its} is in it`,
    fix: `delete that first with \`banger ${noun} delete ${its}\`, or add \`force\``,
    data: aboutFields("force"),
  });
}

/**
 * Deletes a VM whose record cannot be read: what bears its id, which is certainly its own. A network that its record does
 * not tell of stays, and so does whatever else it may have held.
 */
export async function deleteBrokenVm(context: VmContext, { id, document }: BrokenObject): Promise<void> {
  const { store, layout } = context;
  if (isId(id)) {
    const intent = store.intents.begin(VM_DELETE, id);
    await endStrays(context, id);
    const networked = vmOnNetworkSchema.safeParse(document).data;
    if (networked?.id === id) await context.networks.lower(networked);
    await detachDisks(id, undefined);
    await removeTree(layout.runDir, id, "asked for by vm delete --force; named by the open intent vm.delete");
    await removeTree(layout.vmsDir, id, "asked for by vm delete --force; named by the open intent vm.delete");
    store.vms.delete(id);
    for (const open of store.intents.open()) if (open.subject === id) store.intents.end(open);
    store.intents.end(intent);
  } else {
    store.vms.delete(id);
  }
}

/** Takes every trace of a VM away: its VMM, sockets, files, and at last its row. Safe to repeat. */
export async function forgetVm(context: VmContext, vmId: string): Promise<void> {
  const { store, layout } = context;
  const imageId = store.vms.find(vmId)?.image.id;
  // Should we die meanwhile, what is left has its files in part only. Where it fails, the VM stays, for its user to delete.
  const intent = store.intents.begin(VM_DELETE, vmId);
  try {
    // Nothing that it has yet to write out is kept.
    await endMachine(context, vmId, 0);
    await removeTree(layout.runDir, vmId, "named by the open intent vm.delete");
    await removeTree(layout.vmsDir, vmId, "named by the open intent vm.delete");
    store.vms.delete(vmId);
  } finally {
    store.intents.end(intent);
  }
  // It may have been the last one on a root file system that its image has left.
  if (imageId !== undefined) await sweepImageFolder(context, imageId);
}
