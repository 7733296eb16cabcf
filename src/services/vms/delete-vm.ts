import { rm } from "node:fs/promises";
import { join } from "node:path";
import { BangerError } from "../../lib/errors.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { vmRunDir } from "../../model/layout.ts";
import type { Vm } from "../../model/vm.ts";
import { checkStep } from "../../model/vm-states.ts";
import { sweepImageFolder } from "../images/image-folder.ts";
import { endMachine } from "./stop-vm.ts";
import type { VmContext } from "./vm-context.ts";

/**
 * Deletes a VM and all that it has. Once begun it goes through: what a dying daemon leaves of it, recovery finishes.
 *
 * @throws BangerError `VM_WRONG_STATE` if it runs and `force` is not given.
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
      fix: `stop it first with \`banger vm stop ${vm.name}\`, or add --force`,
    });
  }
  checkStep(vm.name, vm.state, "deleting");
  progress({ id: "delete", label: `deleting ${vm.name}`, status: "running" });
  const intent = context.store.intents.begin("vm.delete", vm.id);
  context.store.vms.update({ ...vm, state: "deleting" });
  await forgetVm(context, vm.id);
  if (vm.firstBoot !== undefined) await rm(vm.firstBoot.log, { force: true });
  context.store.intents.end(intent);
  progress({ id: "delete", label: `deleted ${vm.name}`, status: "done" });
}

/** Takes every trace of a VM away: its VMM, sockets, files, and at last its row. Safe to repeat. */
export async function forgetVm(context: VmContext, vmId: string): Promise<void> {
  const imageId = context.store.vms.find(vmId)?.image.id;
  await endMachine(context, vmId);
  await rm(vmRunDir(context.layout, vmId), { recursive: true, force: true });
  await rm(join(context.layout.vmsDir, vmId), { recursive: true, force: true });
  context.store.vms.delete(vmId);
  // It may have been the last one on a root file system that its image has left.
  if (imageId !== undefined) await sweepImageFolder(context, imageId);
}
