import { open } from "node:fs/promises";
import { BangerError } from "../../../lib/errors.ts";
import { aboutFields } from "../../../model/fields/about-fields.ts";
import type { Vm } from "../../../model/vm.ts";
import type { VmVolume, VolumeMount } from "../../../model/volume.ts";
import type { MachineDisk } from "../../../vmm/driver.ts";
import { isOpen } from "../../volumes/index.ts";
import type { VmContext } from "../vm-context.ts";

/**
 * Looks up the volumes that a new VM is to mount.
 *
 * @throws BangerError `VOLUME_NOT_FOUND`; `VM_SPEC_INVALID` for one that is asked for twice, or two of one path.
 */
export function planVolumes(asked: readonly VolumeMount[], volumes: VmContext["volumes"]): readonly VmVolume[] {
  const planned = asked.map(({ volume, path, readOnly }): VmVolume => {
    const { id, name } = volumes.get(volume);
    return { id, name, path, readOnly };
  });
  for (const [index, { id, name, path }] of planned.entries()) {
    const before = planned.slice(0, index);
    if (before.some((other) => other.id === id)) throw refused(`volume ${name} is asked for twice`);
    if (before.some((other) => other.path === path)) throw refused(`two volumes are to be mounted on ${path}`);
  }
  // A path within another volume must come after it.
  return planned.toSorted((a, b) => a.path.split("/").length - b.path.split("/").length);
}

function refused(what: string): BangerError {
  return new BangerError("VM_SPEC_INVALID", {
    what,
    fix: "give each volume one path of its own",
    data: aboutFields("volumes"),
  });
}

/**
 * Holds the volumes of a VM that is about to start against those of the others: one that is written to is no other's, since
 * two kernels with one ext4 ruin it. Whoever calls this takes the step that shows it open before it lets anybody else run.
 *
 * @throws BangerError `VOLUME_IN_USE`.
 */
export function checkVolumesFree({ store }: Pick<VmContext, "store">, vm: Vm): void {
  if (vm.spec.volumes.length === 0) return;
  const others = store.vms.list().filter((other) => other.id !== vm.id && isOpen(other));
  for (const { id, name, readOnly } of vm.spec.volumes) {
    for (const other of others) {
      const theirs = other.spec.volumes.find((mounted) => mounted.id === id);
      if (theirs === undefined || (readOnly && theirs.readOnly)) continue;
      throw new BangerError("VOLUME_IN_USE", {
        what: `volume ${name} is in use`,
        why: theirs.readOnly
          ? `VM ${other.name} reads it, and this VM would write to it`
          : `VM ${other.name} writes to it`,
        fix: `stop that one first: banger vm stop ${other.name}; VMs that mount it read-only (:ro) can share it`,
      });
    }
  }
}

/** The volumes of a VM as disks of its machine, in the order of its record. */
export function volumeDisks(vm: Vm, volumes: VmContext["volumes"]): readonly MachineDisk[] {
  return vm.spec.volumes.map(({ id, readOnly }, index) => ({
    id: `volume${index}`,
    path: volumes.disk(id),
    format: "raw",
    readOnly,
  }));
}

/** Where ext4's superblock lies, and in it the magic number and the features that a reader must know (fs/ext4/ext4.h). */
const SUPERBLOCK_AT = 1024;
const MAGIC_AT = 0x38;
const MAGIC = 0xef53;
const INCOMPAT_AT = 0x60;
/** The journal holds what is not in its place yet: EXT4_FEATURE_INCOMPAT_RECOVER. */
const NEEDS_RECOVERY = 0x4;

/**
 * Refuses a volume that is to be read only and that its last writer left in the middle: a kernel that must not write cannot
 * bring its journal in.
 *
 * @throws BangerError `VOLUME_UNCLEAN`.
 */
export async function checkVolumesClean(vm: Vm, volumes: VmContext["volumes"]): Promise<void> {
  for (const { id, name, path, readOnly } of vm.spec.volumes) {
    if (!readOnly || !(await needsRecovery(volumes.disk(id)))) continue;
    throw new BangerError("VOLUME_UNCLEAN", {
      what: `volume ${name} cannot be mounted read-only yet`,
      why: "the VM that wrote to it last ended without unmounting it",
      fix: `start a VM once that mounts it for writing, on ${path} too or elsewhere`,
    });
  }
}

async function needsRecovery(path: string): Promise<boolean> {
  await using file = await open(path, "r");
  const { buffer, bytesRead } = await file.read(Buffer.alloc(1024), 0, 1024, SUPERBLOCK_AT);
  if (bytesRead < 1024 || buffer.readUInt16LE(MAGIC_AT) !== MAGIC) return false;
  return (buffer.readUInt32LE(INCOMPAT_AT) & NEEDS_RECOVERY) !== 0;
}
