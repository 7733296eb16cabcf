import type { LoopSeen, MapperHost } from "./mapper-host.ts";
import { DEVICE_PREFIX, type LoopRef, type SnapshotPlan, type SnapshotStep, tableLine } from "./snapshot-plan.ts";

/**
 * Puts a snapshot together; when a step fails, those before it are undone. Mappings do not outlive a boot of the host: it
 * is done anew at each start of the VM.
 *
 * @returns the device to open.
 * @throws BangerError `TOOL_FAILED`, `TOOL_MISSING`.
 */
export async function attachSnapshot(plan: SnapshotPlan, host: MapperHost): Promise<string> {
  const loops = new Map<LoopRef["loop"], string>();
  const undo: (() => Promise<unknown>)[] = [];
  try {
    for (const step of plan.attach) await applyStep(step, host, loops, undo);
    return plan.device;
  } catch (error) {
    // The step's error tells what is wrong; an undo that fails too has most likely the same cause.
    for (const back of undo.toReversed()) await back().catch(() => {});
    throw error;
  }
}

async function applyStep(
  step: SnapshotStep,
  host: MapperHost,
  loops: Map<LoopRef["loop"], string>,
  undo: (() => Promise<unknown>)[],
): Promise<void> {
  switch (step.does) {
    case "loop": {
      const mode = step.readOnly ? ["--read-only"] : [];
      const device = (await host.run("losetup", ["--find", "--show", ...mode, step.path])).trim();
      loops.set(step.as, device);
      undo.push(async () => loops.has(step.as) && host.run("losetup", ["--detach", device]));
      return;
    }
    case "map": {
      const table = step.table.map((line) => `${tableLine(line, loops)}\n`).join("");
      const mode = step.readOnly ? ["--readonly"] : [];
      // A guest writes what it likes: the host's udev must not look for volumes on its disk, and activate them.
      await host.run("dmsetup", ["create", "--noudevrules", ...mode, step.name], table);
      undo.push(() => removeMap(step.name, host));
      return;
    }
    case "let-go":
      await host.run("losetup", ["--detach", loops.get(step.loop) ?? ""]);
      // From now on its number may be somebody else's at any time.
      loops.delete(step.loop);
      return;
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
