import { basename, join } from "node:path";
import { removeFile } from "../../../lib/destroy.ts";
import { BangerError } from "../../../lib/errors.ts";
import { namesIn } from "../../../lib/names-in.ts";
import { newId } from "../../../lib/ids.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { Image } from "../../../model/image.ts";
import type { Kernel } from "../../../model/kernel.ts";
import type { Vm } from "../../../model/vm.ts";
import { intentKind, withIntent } from "../../../core/intents.ts";
import { installLog } from "../first-boot/install-logs.ts";
import { sweepImageFolder, checkReachable } from "../../images/index.ts";
import { checkBase, cloneRootDisk } from "./create-vm.ts";
import { imageOf, planFirstBoot } from "./plan-vm.ts";
import type { VmContext } from "../vm-context.ts";

/** The row says whether it came to pass. */
export const VM_REBASE = intentKind("vm.rebase");

/**
 * Puts a stopped VM on another image: its root disk is made anew from that, its work disk and all else stay. What was on
 * the old root disk is gone; until the new one stands, nothing has changed.
 *
 * @throws BangerError `VM_WRONG_STATE`, `DISK_FULL`, `DISK_NO_STRATEGY`; as {@link planRebase}.
 */
export async function rebaseVm(
  context: VmContext,
  vm: Vm,
  target: { readonly image: Image; readonly kernel: Kernel },
  { signal, progress }: OperationContext,
): Promise<Vm> {
  checkOff(context, vm, "put on another image");
  const { image, kernel } = target;
  checkReachable(image, kernel);
  progress({ id: "rebase", label: `${vm.name}: a new root disk from ${image.name}`, status: "running" });
  const planned = planRebase(vm, image, kernel, installLog(context.layout, vm.id));
  const rebased = await withIntent(
    context.store.intents,
    VM_REBASE,
    vm.id,
    async () => {
      const root = await cloneRootDisk(context, planned, image, { name: `root-${newId("d").slice(2, 10)}`, signal });
      checkBase(context, image, root);
      const { spec, firstBoot } = planned;
      const changed = context.store.vms.transition(vm.id, "rebased", (now) => ({
        image: planned.image,
        kernel: planned.kernel,
        spec,
        firstBoot,
        failure: undefined,
        services: undefined,
        disks: [root, ...now.disks.filter(({ id }) => id !== "root")],
      }));
      await dropForeignDisks(context, changed);
      await sweepImageFolder(context, vm.image.id);
      return changed;
    },
    // Whichever of the two came to pass is in the row.
    () => dropForeignDisks(context, context.store.vms.get(vm.id)),
  );
  progress({ id: "rebase", label: `${vm.name} is on image ${image.name}`, status: "done" });
  return rebased;
}

/**
 * The VM as it will be, but for its disks. Its root disk stays as large as it was where the image is not larger. An init
 * that was installed went with the old disk: what the new image lacks of it, the next start installs.
 *
 * @param log where an installation is logged.
 * @throws BangerError `VM_SPEC_INVALID`, `GUEST_UNSUPPORTED` if the VM's init is not to be had on this image.
 */
export function planRebase(vm: Vm, image: Image, kernel: Kernel, log: string): Vm {
  const { diskSizeBytes, ...spec } = vm.spec;
  const { failure: _failure, firstBoot: _firstBoot, services: _services, ...rest } = vm;
  return {
    ...rest,
    ...(planFirstBoot(spec.init, image, spec.nat) && { firstBoot: { install: "systemd", log } }),
    state: "stopped",
    image: imageOf(image),
    kernel: { id: kernel.id, name: kernel.name },
    spec: {
      ...spec,
      ...(diskSizeBytes !== undefined && { diskSizeBytes: Math.max(diskSizeBytes, image.rootfs.sizeBytes) }),
    },
  };
}

/** @throws BangerError `VM_WRONG_STATE` unless the VM has no machine. */
export function checkOff(context: Pick<VmContext, "live">, vm: Vm, change: string): void {
  if (!context.live.has(vm.id) && (vm.state === "stopped" || vm.state === "failed")) return;
  throw new BangerError("VM_WRONG_STATE", {
    what: `VM ${vm.name} is ${vm.state}, and can only be ${change} while it is off`,
    fix: `stop it first with \`banger vm stop ${vm.name}\``,
    data: { state: vm.state },
  });
}

/** Removes root disks that are not the VM's (any more): what a rebase leaves, done or undone. Safe to repeat. */
export async function dropForeignDisks(context: Pick<VmContext, "layout">, vm: Vm): Promise<void> {
  const folder = join(context.layout.vmsDir, vm.id);
  // By name: a record may tell of the folder by another path, as before the data was moved.
  const own = new Set(vm.disks.map(({ path }) => basename(path)));
  for (const name of namesIn(folder)) {
    if (!ROOT_DISK.test(name) || own.has(name)) continue;
    await removeFile(
      join(folder, name),
      "named as a rebase names root disks, under the open intent vm.rebase; the VM's record has another",
    );
  }
}

/** As create and rebase name them. */
const ROOT_DISK = /^root(?:-[0-9a-z]{8})?$/;
