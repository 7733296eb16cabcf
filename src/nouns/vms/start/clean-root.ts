import type { OperationContext } from "../../../lib/progress.ts";
import type { Vm } from "../../../model/vm.ts";
import { rebaseVm } from "../create/rebase-vm.ts";
import { needsInstallation } from "../first-boot/install-in-vm.ts";
import type { VmContext } from "../vm-context.ts";

/**
 * Gives a VM whose installation of an init was cut off its root disk anew, from its image. Nobody has used the old one. And
 * what a power cut left on it cannot be mended by those who wrote it: rpm, for one, notes a package as installed before the
 * package's files are on the disk, and takes empty files for whole ones ever after.
 *
 * @throws BangerError as {@link rebaseVm}.
 */
export async function withCleanRoot(context: VmContext, vm: Vm, operation: OperationContext): Promise<Vm> {
  const image = context.store.images.find(vm.image.id);
  const kernel = context.store.kernels.find(vm.kernel.id);
  if (!wasCutOff(vm) || image === undefined || kernel === undefined) return vm;
  return rebaseVm(context, vm, { image, kernel }, operation);
}

/** Whether a VM that is off has begun to install its init, and has not ended it. */
export function wasCutOff(vm: Vm): boolean {
  return needsInstallation(vm) && vm.startedAt !== undefined;
}
