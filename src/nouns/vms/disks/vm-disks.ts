import { attachSnapshot, detachSnapshots } from "../../../disk/apply-snapshot.ts";
import { localMapperHost } from "../../../disk/mapper-host.ts";
import { planSnapshot } from "../../../disk/snapshot-plan.ts";
import { bytes } from "../../../lib/bytes.ts";
import type { Vm, VmDisk } from "../../../model/vm.ts";
import type { MachineDisk } from "../../../vmm/driver.ts";

/** The disk with a kernel's modules, behind the VM's own: these keep the names that they have without it. */
export function modulesDiskOf(path: string): MachineDisk {
  return { id: "modules", path, format: "raw", readOnly: true };
}

/** What a guest calls its virtio disks, counted from 0 in the order in which the machine has them. */
export function deviceName(index: number): string {
  return `/dev/vd${String.fromCharCode("a".charCodeAt(0) + index)}`;
}

/** Makes a VM's disks ready to be opened, as they have to be made anew at each start. */
export async function attachDisks(vm: Vm): Promise<readonly MachineDisk[]> {
  const disks: MachineDisk[] = [];
  // Whatever an earlier run could not let go would bear the same names.
  if (vm.disks.some(({ strategy }) => strategy === "dm-snapshot")) await detachDisks(vm.id, vm);
  for (const disk of vm.disks) {
    const { id, path, format } = disk;
    const device = await attachDisk(vm.id, disk);
    disks.push(
      device === undefined
        ? { id, path, format, readOnly: false }
        : { id, path: device, format, readOnly: false, node: "block-device" },
    );
  }
  return disks;
}

async function attachDisk(vmId: string, { id, path, strategy, base, sizeBytes }: VmDisk): Promise<string | undefined> {
  if (strategy !== "dm-snapshot" || base === undefined) return undefined;
  const plan = planSnapshot({
    vmId,
    diskId: id,
    base: { path: base.path, sizeBytes: bytes(base.sizeBytes) },
    store: path,
    sizeBytes: bytes(sizeBytes),
  });
  return attachSnapshot(plan, localMapperHost);
}

/**
 * Takes down what {@link attachDisks} has made for a VM, whole or in part. Safe to repeat; for a VM that is no more it
 * finds what still bears its id.
 *
 * @param wasCutOff a start of it may have been cut off half-way, so that even a base's loop device may be left.
 * @returns how many devices were removed.
 */
export async function detachDisks(vmId: string, vm: Vm | undefined, wasCutOff = false): Promise<number> {
  const snapshots = vm?.disks.filter(({ strategy }) => strategy === "dm-snapshot") ?? [];
  const files = wasCutOff
    ? snapshots.flatMap(({ path, base }) => (base === undefined ? [path] : [path, base.path]))
    : [];
  return detachSnapshots(vmId, files, localMapperHost);
}
