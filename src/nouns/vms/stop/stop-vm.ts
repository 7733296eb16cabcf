import { withDeadline, untilAborted } from "../../../lib/deadline.ts";
import { intentKind } from "../../../core/intents.ts";
import { asBangerError } from "../../../lib/errors.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { Vm } from "../../../model/vm.ts";
import type { StopCause, VmStop } from "../../../model/vm-boots.ts";
import type { Machine, MachineExit } from "../../../vmm/driver.ts";
import { endProcess, untilGone } from "../../../vmm/end-process.ts";
import { atRest } from "./at-rest.ts";
import type { LiveVm } from "../live/live-vms.ts";
import { consoleTail } from "../logs/console-log.ts";
import { trySettlePaused } from "../pause/pause-vm.ts";
import { endMainCommands } from "../commands/main-command.ts";
import { planAfterExit } from "./reboot-plan.ts";
import { removeRunFolder } from "../live/run-folder.ts";
import type { StartAgain } from "./start-again.ts";
import { detachDisks } from "../disks/vm-disks.ts";
import type { VmContext } from "../vm-context.ts";

/** Time to reach the agent, or to press a button: whoever does not answer by then is passed over. */
const ASK_MS = 5_000;
/** How long a VMM may take to end by itself once its guest has had its time. */
export const OVERDUE_GRACE_MS = 1_500;

/** One that was begun is wanted. */
export const VM_STOP = intentKind("vm.stop");

export interface StopOptions {
  readonly timeoutMs: number;
  /** End it at once, as if its power had failed. */
  readonly force: boolean;
}

/**
 * Brings a VM to `stopped`: through its agent, then by its power button, then by ending the VMM.
 * A VM that is stopped already stays so.
 *
 * @throws BangerError `VM_WRONG_STATE`, `CANCELLED`.
 */
export async function stopVm(
  context: VmContext,
  vm: Vm,
  options: StopOptions,
  { signal, progress }: OperationContext,
): Promise<Vm> {
  const live = context.live.get(vm.id);
  if (live === undefined && (vm.state === "stopped" || vm.state === "failed")) {
    // Its guest's reboot must not start it again now.
    const rebooted = vm.lastStop?.cause === "guest-reboot";
    return saveStopped(context, vm, rebooted ? stopOf("stop", "by `vm stop`, when its guest had rebooted") : undefined);
  }
  context.store.vms.check(vm, "stopping");
  const intent = context.store.intents.begin(VM_STOP, vm.id);
  context.store.vms.transition(vm.id, "stopping");
  progress({ id: "stop", label: `${vm.name}: shutting down`, status: "running" });
  let end: "done" | "undone" = "undone";
  try {
    const how =
      live === undefined
        ? "ended by force: nothing in it could be reached"
        : await shutDown(context, live, options, signal);
    await endMachine(context, vm.id, options.force ? 0 : OVERDUE_GRACE_MS);
    progress({ id: "stop", label: `${vm.name} stopped`, status: "done", note: how });
    const stopped = saveStopped(context, vm, stopOf(options.force ? "force" : "stop", `by \`vm stop\`: ${how}`));
    end = "done";
    return stopped;
  } catch (error) {
    // Cancelled half-way: the guest may be shutting down or not; say what is.
    if (context.live.has(vm.id)) {
      context.store.vms.transitionIfThere(vm.id, "stop-cancelled");
      await trySettlePaused(context, vm.id);
    }
    throw error;
  } finally {
    context.store.intents.end(intent, end);
  }
}

/** Tries the polite ways in turn; says in words which one worked. The VMM may live on: see {@link endMachine}. */
export async function shutDown(
  context: VmContext,
  live: LiveVm,
  { timeoutMs, force }: StopOptions,
  signal: AbortSignal,
): Promise<string> {
  live.ending = true;
  const { machine } = live;
  const { requestShutdown } = machine;
  if (force) return "ended by force";
  const ways: readonly (readonly [string, (s: AbortSignal) => Promise<void>])[] = [
    ["the guest shut down", async (s) => (await live.agent(s)).shutdown(s)],
    ...(requestShutdown === undefined ? [] : [["the guest followed its power button", requestShutdown] as const]),
  ];
  try {
    return await withDeadline(signal, timeoutMs, "the guest to shut down", async (within) => {
      await wake(machine, within);
      await endMainCommands(live, within);
      for (const [how, ask] of ways) {
        if (!(await attempt(ask, machine, within))) continue;
        await untilAborted(machine.exited, within);
        return how;
      }
      return "ended by force: nothing in the guest took the request";
    });
  } catch (error) {
    if (asBangerError(error).code !== "TIMED_OUT") {
      live.ending = false;
      throw error;
    }
    context.log.warn({ vm: machine.record.pid, timeoutMs }, "the guest did not shut down in time");
    return `ended by force after ${timeoutMs / 1000} s`;
  }
}

/** A paused guest hears nothing. A VMM that does not say whether it is may be ending by itself: what follows shows it. */
async function wake(machine: Machine, signal: AbortSignal): Promise<void> {
  try {
    await withDeadline(signal, ASK_MS, "the VMM's answer", async (within) => {
      if (await machine.isPaused(within)) await machine.resume(within);
    });
  } catch {
    signal.throwIfAborted();
  }
}

/** Whether a request was taken: it was answered, or the machine ended on it. */
async function attempt(
  ask: (signal: AbortSignal) => Promise<void>,
  machine: Machine,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await withDeadline(signal, ASK_MS, "the guest to take the request", ask);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (asBangerError(error).code === "TIMED_OUT") return false;
  }
  try {
    // A guest that goes down at once takes along the line that its answer would have come over.
    await withDeadline(signal, ASK_MS, "the guest to end", (within) => untilAborted(machine.exited, within));
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/**
 * Ends a VM's VMM if there is one, takes its network away, lets its disks go and removes its run folder's content. Safe to
 * repeat.
 *
 * @param graceMs how long the VMM may take to end by itself, as `Machine.kill` has it.
 */
export async function endMachine(context: VmContext, vmId: string, graceMs?: number): Promise<void> {
  const live = context.live.get(vmId);
  if (live !== undefined) {
    live.ending = true;
    await live.machine.kill(graceMs);
    await live.close();
    context.live.delete(vmId);
  }
  context.silent.delete(vmId);
  const vm = context.store.vms.find(vmId);
  // One that did not answer when its daemon came back is known by its record alone.
  if (live === undefined && vm?.machine !== undefined) await endProcess(vm.machine, untilGone(vm.machine), graceMs);
  if (vm !== undefined) await context.networks.lower(vm);
  await detachDisks(vmId, vm);
  await removeRunFolder(context, vmId, vm);
}

/** @param lastStop absent where it was stopped already. */
function saveStopped(context: VmContext, vm: Vm, lastStop?: VmStop): Vm {
  return context.store.vms.transition(vm.id, "stopped", (now) => ({
    ...atRest(now),
    failure: undefined,
    ...(lastStop && { lastStop }),
  }));
}

function stopOf(cause: StopCause, what: string): VmStop {
  return { at: new Date().toISOString(), cause, what };
}

/**
 * What happens when a VMM ends and nobody asked for it. It waits in the VM's queue as any change does: what is left of this
 * machine must not be taken away from under a new one.
 */
export function noteExit(context: VmContext, vmId: string, machine: Machine, startAgain?: StartAgain): void {
  const settle = async (exit: MachineExit): Promise<void> => {
    const live = context.live.get(vmId);
    if (live?.machine !== machine || live.ending) return;
    context.live.delete(vmId);
    const vm = context.store.vms.find(vmId);
    if (vm === undefined) return;
    const how = live.halted === true ? HALTED : exit;
    const marksPoweroff = live.guest?.abilities.has("reboot") ?? false;
    const plan = planAfterExit({ exit: how, vm, marksPoweroff, at: new Date() });
    if (plan.next === "rest") return recordExit(context, vmId, how.clean, how.reason, plan.cause);
    if (plan.next === "give-up") return recordExit(context, vmId, false, plan.what, "reboot-loop");
    await recordExit(context, vmId, true, how.reason, "guest-reboot");
    startAgain?.(context, vmId, plan.reboots);
  };
  const note = async (): Promise<void> => {
    const exit = await machine.exited;
    const live = context.live.get(vmId);
    // Whoever waits for its agent need not wait for the queue.
    if (live?.machine === machine && !live.ending) await live.close();
    await context.queue.run(vmId, new AbortController().signal, () => settle(exit));
  };
  note().catch((error: unknown) => context.log.error({ err: error, vm: vmId }, "the end of a VMM could not be noted"));
}

/** Of a guest whose machine banger has ended, since it could not go on. */
const HALTED: MachineExit = { clean: true, by: "shutdown", reason: "the guest halted" };

/** Writes down that a VM's VMM is gone: `stopped` where the guest wished it, `failed` where not. */
export async function recordExit(
  context: VmContext,
  vmId: string,
  clean: boolean,
  reason: string,
  cause: StopCause = "unseen",
): Promise<void> {
  const vm = context.store.vms.find(vmId);
  if (vm === undefined || vm.state === "deleting") return;
  context.silent.delete(vmId);
  context.log[clean ? "info" : "warn"]({ vm: vm.name, reason }, "the VMM ended");
  const consoleLog = vm.machine?.consoleLog;
  const tail = consoleLog === undefined ? "" : await consoleTail(consoleLog);
  const lastStop = stopOf(cause, reason);
  if (clean) saveStopped(context, vm, lastStop);
  else {
    const failure = { at: lastStop.at, what: reason, consoleTail: tail };
    context.store.vms.transition(vmId, "failed", (now) => ({ ...atRest(now), lastStop, failure }));
  }
  await context.networks.lower(vm);
  await detachDisks(vmId, vm);
  await removeRunFolder(context, vmId, vm);
}
