import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { bytes } from "../../../lib/bytes.ts";
import { BangerError } from "../../../lib/errors.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { Image } from "../../../model/image.ts";
import type { Vm, VmDisk } from "../../../model/vm.ts";
import { intentKind, withIntent } from "../../../core/intents.ts";
import { forgetVm } from "../delete/delete-vm.ts";
import { cloneDisk } from "../../../disk/clone-disk.ts";
import { makeWorkDisk } from "../disks/work-disk.ts";
import { checkUserFiles } from "../../images/index.ts";
import type { VmContext } from "../vm-context.ts";

export const VM_CREATE = intentKind("vm.create");

/**
 * Gives a planned VM a network to have, its row and its disks; it is `stopped` then. When this fails nothing of it is left.
 *
 * @throws BangerError `NAME_TAKEN`, `DISK_FULL`, `DISK_NO_STRATEGY`, `NETWORK_UNAVAILABLE`.
 */
export async function createVm(
  context: VmContext,
  planned: Vm,
  image: Image,
  { signal }: Pick<OperationContext, "signal">,
): Promise<Vm> {
  const { store } = context;
  store.vms.checkFree(planned.name);
  const vm: Vm = { ...planned, network: await context.networks.plan(planned, signal) };
  return withIntent(
    store.intents,
    VM_CREATE,
    vm.id,
    async () => {
      // They may have gone since they were looked up; from now on the VM holds them.
      for (const { id } of vm.spec.volumes) store.volumes.get(id);
      store.vms.insert(vm);
      const root = await cloneRootDisk(context, vm, image, { name: "root", signal });
      const work = await makeWorkDisk(vm, image, join(context.layout.vmsDir, vm.id), signal);
      checkBase(context, image, root);
      return store.vms.transition(vm.id, "cloned", { disks: work === undefined ? [root] : [root, work] });
    },
    () => forgetVm(context, vm.id),
  );
}

/** Makes a root disk from an image's, as a file of this name in the VM's folder. */
export async function cloneRootDisk(
  context: VmContext,
  vm: Vm,
  image: Image,
  { name, signal }: { readonly name: string; readonly signal: AbortSignal },
): Promise<VmDisk> {
  await checkUserFiles(image);
  const folder = join(context.layout.vmsDir, vm.id);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const driver = await context.drivers.choose(vm, await context.kernels.bootable(vm.kernel.id, signal));
  const { diskFormats } = await driver.abilities();
  const cloned = await cloneDisk(
    {
      base: {
        path: image.rootfs.path,
        sizeBytes: bytes(image.rootfs.sizeBytes),
        usedBytes: bytes(image.rootfs.usedBytes),
      },
      target: join(folder, name),
      sizeBytes: bytes(vm.spec.diskSizeBytes ?? image.rootfs.sizeBytes),
      formats: diskFormats,
      wanted: vm.spec.diskStrategy,
      // A disk that becomes an image must not read from another.
      standsAlone: vm.builds !== undefined,
    },
    signal,
  );
  return { id: "root", device: "/dev/vda", ...cloned };
}

/**
 * An image may be refreshed, promoted or deleted while a disk is made of it. What the disk reads from must be the image's
 * still when the VM's row comes to say so: from then on nobody takes it away.
 *
 * @throws BangerError `IMAGE_FILES_CHANGED`.
 */
export function checkBase({ store }: Pick<VmContext, "store">, { id, name }: Image, { base }: VmDisk): void {
  if (base === undefined || store.images.find(id)?.rootfs.path === base.path) return;
  throw new BangerError("IMAGE_FILES_CHANGED", {
    what: `image ${name} became another while a disk was made of it`,
    fix: "try again",
  });
}
