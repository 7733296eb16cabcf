import { withDeadline } from "../../../lib/deadline.ts";
import { asBangerError, BangerError } from "../../../lib/errors.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { HostDiskFull, PausedBecause } from "../../../model/paused-because.ts";
import type { Vm } from "../../../model/vm.ts";
import { introduce } from "../guest/agent-connection.ts";
import { giveWorld, warner } from "../guest/give-world.ts";
import {
  diskManners,
  fullDisk,
  hasRoomToGoOn,
  hostDiskFull,
  leastRoom,
  mustBeGuarded,
} from "../live/host-disk-full.ts";
import type { LiveVm } from "../live/live-vms.ts";
import { notAnswering } from "../live/run-folder.ts";
import { noteSilence, unresponsive } from "../live/silence.ts";
import { vmmStopped } from "../live/note-stall.ts";
import { standsStill } from "../live/stall.ts";
import type { VmContext } from "../vm-context.ts";

/** How long a guest that goes on may take to answer. */
const ANSWER_MS = 20_000;
/** How long a VMM may take to pause: what its guest has asked of disks comes to its end first. */
const DO_MS = 10_000;
/** How long a VMM may take to say whether it is paused. */
const ASK_MS = 5_000;

/**
 * Stops a VM's processors where they are: it keeps its memory and its connections, and uses no CPU time.
 * One that is paused already stays so.
 *
 * @throws BangerError `VM_WRONG_STATE`, `VMM_CANNOT`, `VMM_FAILED`.
 */
export async function pauseVm(context: VmContext, vm: Vm, { signal, progress }: OperationContext): Promise<Vm> {
  if (vm.state === "paused") {
    if (vm.pausedBecause?.kind !== "host-disk-full") return vm;
    // One that a full disk has stopped stays so now even when there is room again.
    context.live.get(vm.id)?.stall.end();
    return context.store.vms.transition(vm.id, "paused", { pausedBecause: undefined });
  }
  context.store.vms.check(vm, "pausing");
  const live = await liveOf(context, vm);
  const { pause, lacks } = live.machine;
  if (pause === undefined) throw lacks?.pause ?? cannotPause(vm);
  context.store.vms.transition(vm.id, "pausing");
  live.keepStill(true);
  try {
    await askVmm(context, vm, signal, pause);
  } catch (error) {
    await trySettlePaused(context, vm.id);
    throw error;
  }
  progress({ id: "pause", label: `${vm.name} is paused`, status: "done" });
  return context.store.vms.transition(vm.id, "paused", { pausedBecause: undefined });
}

/**
 * Lets a paused VM go on, and tells it what time it is. One that runs already does so on.
 *
 * @throws BangerError `VM_WRONG_STATE`, `VMM_FAILED`; `TIMED_OUT` if its agent does not answer: it runs then all the same.
 */
export async function resumeVm(context: VmContext, vm: Vm, { signal, progress }: OperationContext): Promise<Vm> {
  if (vm.state === "running") return vm;
  context.store.vms.check(vm, "resuming");
  const live = await liveOf(context, vm);
  if (vm.pausedBecause?.kind === "host-disk-full") await checkRoom(vm, live, vm.pausedBecause);
  context.store.vms.transition(vm.id, "resuming");
  live.stall.end();
  try {
    await askVmm(context, vm, signal, (within) => live.machine.resume(within));
  } catch (error) {
    await trySettlePaused(context, vm.id);
    throw error;
  }
  // It may have stopped again before it said that it goes on.
  if (live.stall.because !== undefined) throw standsStill(vm.name, live.stall.because);
  live.keepStill(false);
  // Its clock stood still too, perhaps for less than its introduction minds.
  context.hostClock.emit("jump");
  const running = context.store.vms.transition(vm.id, "resumed", { pausedBecause: undefined });
  progress({ id: "resume", label: `${vm.name} runs again`, status: "done" });
  const unlessStopped = AbortSignal.any([signal, live.stall.signal]);
  await withDeadline(unlessStopped, ANSWER_MS, `the agent of ${vm.name}`, async (within) => {
    for (const warning of await introduce(context, running, await live.agent(within), within)) {
      progress({ id: `warning ${warning}`, label: `${vm.name}: warning: ${warning}`, status: "done" });
    }
  });
  await giveWorld(context, running, await live.agent(unlessStopped), warner(running, { progress }), unlessStopped);
  return running;
}

/** One that says nothing is noted as silent at once: whoever comes next is told so. */
async function askVmm(
  context: VmContext,
  vm: Vm,
  signal: AbortSignal,
  ask: (within: AbortSignal) => Promise<void>,
): Promise<void> {
  try {
    await withDeadline(signal, DO_MS, `the VMM of ${vm.name}`, ask);
  } catch (error) {
    if (signal.aborted || asBangerError(error).code !== "TIMED_OUT") throw error;
    throw unresponsive(vm, noteSilence(context, vm, "vmm"), error);
  }
}

/** Writes down whether a machine that lives is paused, where a record may be wrong about it. Safe to repeat. */
async function settlePaused(context: VmContext, vmId: string, signal: AbortSignal): Promise<void> {
  const live = context.live.get(vmId);
  const vm = context.store.vms.find(vmId);
  if (live === undefined || vm === undefined || !MAY_BE_PAUSED.has(vm.state)) return;
  const isPaused = await live.machine.isPaused(signal);
  live.keepStill(isPaused);
  const state = isPaused ? "paused" : "running";
  const because = isPaused ? await whyPaused(vm, live, signal) : undefined;
  if (because !== undefined) live.stall.begin(vm.name, because);
  if (vm.state === state && vm.pausedBecause === because) return;
  context.store.vms.transition(vmId, isPaused ? "paused" : "resumed", { pausedBecause: because });
}

/** A pause that somebody asked for stands, whatever the machine met with before or after it. */
async function whyPaused(vm: Vm, live: LiveVm, signal: AbortSignal): Promise<PausedBecause | undefined> {
  if (vm.state === "paused" || vm.pausedBecause !== undefined) return vm.pausedBecause;
  const { ownStops } = live.machine;
  const disk = await ownStops?.forDisk(signal);
  if (disk !== undefined) return fullDisk(vm, disk);
  const reason = await ownStops?.reason(signal);
  return reason === undefined ? undefined : vmmStopped(reason);
}

/**
 * The same, where whoever asked for something may be gone already. A VMM that does not answer leaves the record as it is:
 * such a VM can be stopped by force, and none keeps a daemon from starting.
 */
export async function trySettlePaused(context: VmContext, vmId: string): Promise<void> {
  try {
    const signal = context.live.get(vmId)?.lifetime ?? new AbortController().signal;
    await withDeadline(signal, ASK_MS, "the VMM's answer", (within) => settlePaused(context, vmId, within));
  } catch (error) {
    context.log.warn({ err: error, vm: vmId }, "whether it is paused could not be asked");
  }
}

const MAY_BE_PAUSED: ReadonlySet<Vm["state"]> = new Set(["running", "pausing", "paused", "resuming"]);

/** @throws BangerError `DISK_FULL` where a VM would stop again at once. */
async function checkRoom(vm: Vm, { machine }: LiveVm, because: HostDiskFull): Promise<void> {
  const least = await leastRoom(vm.disks);
  const guarded = mustBeGuarded(vm, diskManners(machine));
  if (least !== undefined && !hasRoomToGoOn(least.room, guarded)) throw hostDiskFull(vm.name, because, least.room);
}

function cannotPause(vm: Vm): BangerError {
  return new BangerError("VMM_CANNOT", {
    what: `what VM ${vm.name} runs on cannot pause it`,
    fix: `stop it with \`banger vm stop ${vm.name}\``,
  });
}

async function liveOf(context: VmContext, vm: Vm): Promise<LiveVm> {
  const live = context.live.get(vm.id);
  if (live !== undefined) return live;
  if (vm.machine !== undefined) throw await notAnswering(vm, context.silent.get(vm.id));
  throw new BangerError("VM_WRONG_STATE", {
    what: `VM ${vm.name} does not run`,
    fix: `start it with \`banger vm start ${vm.name}\``,
  });
}
