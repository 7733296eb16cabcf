import { createHash } from "node:crypto";
import { join } from "node:path";
import { bytes, formatBytes } from "../../../lib/bytes.ts";
import { BangerError } from "../../../lib/errors.ts";
import { createEmptyExt4 } from "../../../ext4/writer.ts";
import type { Image } from "../../../model/image.ts";
import type { Vm, VmDisk } from "../../../model/vm.ts";
import { cloneDisk } from "../../../disk/clone-disk.ts";
import { aboutFields } from "../../../model/fields/about-fields.ts";

/** The name that a guest gives it: it always comes after the root disk. */
const WORK_DEVICE = "/dev/vdb";
const WORK_LABEL = "banger-work";

/**
 * How large the work disk of a new VM is; undefined for none. There is one where it is asked for, or where the image
 * brings a seed for it.
 *
 * @throws BangerError `VM_SPEC_INVALID` for a size below the seed's.
 */
export function workDiskSize(asked: number | undefined, image: Pick<Image, "name" | "workSeed">): number | undefined {
  const seed = image.workSeed?.sizeBytes;
  if (asked !== undefined && seed !== undefined && asked < seed) {
    throw new BangerError("VM_SPEC_INVALID", {
      what: `a work disk of ${formatBytes(asked)} is too small for image ${image.name}`,
      why: `its work-seed has ${formatBytes(seed)}, and a file system cannot be cut`,
      fix: "ask for a larger one, or leave `workDiskSizeBytes` out",
      data: aboutFields("workDiskSizeBytes"),
    });
  }
  return asked ?? seed;
}

/**
 * Makes the work disk that a VM's spec asks for: a copy of the image's seed, or an empty file system. It never reads from
 * the image afterwards, so that it outlives it.
 *
 * @returns undefined where the VM has none.
 * @throws BangerError `DISK_FULL`, `BAD_REQUEST` for a size that ext4 cannot have.
 */
export async function makeWorkDisk(
  vm: Vm,
  image: Image,
  folder: string,
  signal: AbortSignal,
): Promise<VmDisk | undefined> {
  const size = vm.spec.workDiskSizeBytes;
  if (size === undefined) return undefined;
  const path = join(folder, "work");
  const disk = { id: "work", path, format: "raw", sizeBytes: size, device: WORK_DEVICE } as const;
  if (image.workSeed === undefined) {
    const identity = createHash("sha256").update(`${vm.id}/work`).digest();
    await createEmptyExt4(path, { identity, sizeBytes: bytes(size), label: WORK_LABEL, signal });
    return { ...disk, strategy: "empty" };
  }
  const { workSeed } = image;
  const base = { path: workSeed.path, sizeBytes: bytes(workSeed.sizeBytes), usedBytes: bytes(workSeed.usedBytes) };
  // A work disk outlives the image: it never reads from the seed again.
  const cloned = await cloneDisk(
    { base, target: path, sizeBytes: bytes(size), formats: new Set(["raw"]), standsAlone: true },
    signal,
  );
  return { id: "work", device: WORK_DEVICE, ...cloned };
}
