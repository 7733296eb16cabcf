import type { LoopSeen, MapperHost } from "./mapper-host.ts";
import { DEVICE_PREFIX, type Part, type SnapshotStep, tableLine } from "./snapshot-plan.ts";

/**
 * Puts a snapshot together; when a step fails, those before it are undone. Mappings do not outlive a boot of the host: it
 * is done anew at each start of the VM.
 *
 * @returns the block device to open, as the kernel names it: `/dev/dm-3`. What is below /dev/mapper is left to udev, which
 *          need not be there.
 * @throws BangerError `TOOL_FAILED`, `TOOL_MISSING`.
 */
export async function attachSnapshot(steps: readonly SnapshotStep[], host: MapperHost): Promise<string> {
  const devices = new Map<Part, string>();
  const undo: (() => Promise<unknown>)[] = [];
  try {
    for (const step of steps) await applyStep(step, host, devices, undo);
    return devices.get("snapshot") ?? "";
  } catch (error) {
    // The step's error tells what is wrong; an undo that fails too has most likely the same cause.
    for (const back of undo.toReversed()) await back().catch(() => {});
    throw error;
  }
}

async function applyStep(
  step: SnapshotStep,
  host: MapperHost,
  devices: Map<Part, string>,
  undo: (() => Promise<unknown>)[],
): Promise<void> {
  switch (step.does) {
    case "loop": {
      const mode = step.readOnly ? ["--read-only"] : [];
      const device = (await host.run("losetup", ["--find", "--show", ...mode, step.path])).trim();
      devices.set(step.as, device);
      undo.push(async () => devices.has(step.as) && host.run("losetup", ["--detach", device]));
      return;
    }
    case "map": {
      const table = step.table.map((line) => `${tableLine(line, devices)}\n`).join("");
      const mode = step.readOnly ? ["--readonly"] : [];
      undo.push(() => removeMap(step.name, host));
      // A guest writes what it likes: the host's udev must not look for volumes on its disk, and activate them.
      await host.run("dmsetup", ["create", "--noudevrules", ...mode, step.name], table);
      const info = await host.run("dmsetup", ["info", "-c", "--noheadings", "-o", "blkdevname", step.name]);
      devices.set(step.as, `/dev/${info.trim()}`);
      return;
    }
    case "let-go": {
      await host.run("losetup", ["--detach", devices.get(step.part) ?? ""]);
      // From now on its number may be somebody else's at any time.
      devices.delete(step.part);
      return;
    }
  }
}

/**
 * Takes down all that device mapper holds for a VM, and loop devices that a start left which was cut off half-way. Safe
 * to repeat; where there is nothing it only looks.
 *
 * @param files whose loop devices are to go too, if nothing is made of them: the VM's own stores, the bases it was to
 *        read.
 * @returns how many devices were removed.
 */
export async function detachSnapshots(vmId: string, files: readonly string[], host: MapperHost): Promise<number> {
  const ours = (await host.maps()).filter((name) => name.startsWith(`${DEVICE_PREFIX}${vmId}-`));
  // A snapshot holds what it is of: by their names it comes first.
  for (const name of ours.toSorted()) await removeMap(name, host);
  if (files.length === 0) return ours.length;
  const left = async (): Promise<readonly LoopSeen[]> =>
    (await host.loops()).filter((loop) => files.includes(loop.file) && !loop.held);
  const found = await left();
  for (const { device } of found) {
    try {
      await host.run("losetup", ["--detach", device]);
    } catch (error) {
      // It may just have gone with the mapping that was made of it.
      if ((await left()).some((loop) => loop.device === device)) throw error;
    }
  }
  return ours.length + found.length;
}

/** One that is still open goes with its last user: somebody may be looking at it. */
async function removeMap(name: string, host: MapperHost): Promise<void> {
  await host.run("dmsetup", ["remove", "--deferred", name]);
}
