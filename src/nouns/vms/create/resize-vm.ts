import { stat } from "node:fs/promises";
import { storeBytes } from "../../../disk/snapshot-plan.ts";
import { bytes, formatBytes } from "../../../lib/bytes.ts";
import { setFileSize } from "../../../lib/destroy.ts";
import { BangerError } from "../../../lib/errors.ts";
import { installHint } from "../../../lib/install-hint.ts";
import { run } from "../../../lib/process.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { Vm, VmDisk } from "../../../model/vm.ts";
import { checkOff } from "./rebase-vm.ts";
import type { VmContext } from "../vm-context.ts";

export interface ResizeRequest {
  readonly diskSizeBytes?: number | undefined;
  readonly workDiskSizeBytes?: number | undefined;
}

/**
 * Makes a stopped VM's disks larger. The guest grows the file systems in them when it starts. A disk that became larger
 * and is not recorded so, since the daemon died between the two, only has room to spare: asking again mends it.
 *
 * @throws BangerError `VM_WRONG_STATE`, `VM_SPEC_INVALID` for a disk that it does not have, or a size below its own.
 */
export async function resizeVm(
  context: VmContext,
  vm: Vm,
  request: ResizeRequest,
  { signal, progress }: OperationContext,
): Promise<Vm> {
  checkOff(context, vm, "resized");
  const wanted = { root: request.diskSizeBytes, work: request.workDiskSizeBytes };
  const changes = (["root", "work"] as const).flatMap((id) => {
    const sizeBytes = wanted[id];
    return sizeBytes === undefined ? [] : [{ disk: diskToGrow(vm, id, sizeBytes), sizeBytes }];
  });
  for (const { disk, sizeBytes } of changes) {
    progress({ id: disk.id, label: `${disk.id} disk to ${formatBytes(sizeBytes)}`, status: "running" });
    await growDisk(disk, sizeBytes, signal);
    progress({ id: disk.id, label: `${disk.id} disk`, status: "done", note: formatBytes(sizeBytes) });
  }
  return context.store.vms.transition(vm.id, "resized", ({ spec, disks }) => ({
    spec: {
      ...spec,
      ...(wanted.root !== undefined && { diskSizeBytes: wanted.root }),
      ...(wanted.work !== undefined && { workDiskSizeBytes: wanted.work }),
    },
    disks: disks.map((disk) => ({ ...disk, sizeBytes: wanted[disk.id] ?? disk.sizeBytes })),
  }));
}

function diskToGrow(vm: Vm, id: VmDisk["id"], sizeBytes: number): VmDisk {
  const disk = vm.disks.find((candidate) => candidate.id === id);
  if (disk === undefined) {
    throw new BangerError("VM_SPEC_INVALID", {
      what: `VM ${vm.name} has no ${id} disk`,
      fix: "a VM gets its work disk when it is created: `banger vm create --work-disk SIZE`",
    });
  }
  if (sizeBytes < disk.sizeBytes) {
    throw new BangerError("VM_SPEC_INVALID", {
      what: `the ${id} disk of VM ${vm.name} cannot become ${formatBytes(sizeBytes)}`,
      why: `it has ${formatBytes(disk.sizeBytes)}, and disks only grow`,
      fix: "ask for a larger size",
    });
  }
  return disk;
}

async function growDisk(disk: VmDisk, sizeBytes: number, signal: AbortSignal): Promise<void> {
  if (disk.format === "qcow2") {
    await run("qemu-img", ["resize", "-q", "-f", "qcow2", "--", disk.path, String(sizeBytes)], {
      signal,
      install: installHint("qemu-img"),
    });
    return;
  }
  const fileBytes = disk.strategy === "dm-snapshot" ? storeBytes(bytes(sizeBytes)) : sizeBytes;
  if ((await stat(disk.path)).size >= fileBytes) return;
  await setFileSize(disk.path, fileBytes, "asked for by vm resize; the disk only grows, as was just seen");
}
