import { dirname } from "node:path";
import type { Bytes } from "../lib/bytes.ts";
import type { VmDisk } from "../model/vm.ts";
import { applyClone } from "./apply-clone.ts";
import { type BaseDisk, type DiskFormat, planClone } from "./clone-plan.ts";
import { type CloneWishes, probeCloneAbilities } from "./probe-clone.ts";

export interface CloneRequest extends CloneWishes {
  readonly base: BaseDisk;
  /** It must not exist, and its folder must. */
  readonly target: string;
  readonly sizeBytes: Bytes;
  /** What the VMM reads. */
  readonly formats: ReadonlySet<DiskFormat>;
}

/**
 * Makes a VM's own copy of a disk, the cheapest way that host and VMM share; when it fails nothing is left of it.
 *
 * @throws BangerError `DISK_FULL` before anything is written, `DISK_NO_STRATEGY`, `VM_SPEC_INVALID`.
 */
export async function cloneDisk(
  { base, target, sizeBytes, formats, ...wishes }: CloneRequest,
  signal: AbortSignal,
): Promise<Pick<VmDisk, "path" | "format" | "strategy" | "base" | "sizeBytes">> {
  const able = await probeCloneAbilities(dirname(target), formats, wishes);
  const plan = planClone(base, target, sizeBytes, able, wishes.wanted);
  await applyClone(plan, { signal });
  return {
    path: target,
    format: plan.format,
    strategy: plan.strategy,
    sizeBytes,
    ...(plan.leansOnBase && { base: { path: base.path, sizeBytes: base.sizeBytes } }),
  };
}
