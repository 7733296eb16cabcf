import { setTimeout as after } from "node:timers/promises";
import { withDeadline } from "../../../lib/deadline.ts";
import type { MachineRecord, Vm } from "../../../model/vm.ts";
import type { Machine } from "../../../vmm/driver.ts";
import { agentConnector } from "../guest/agent-connection.ts";
import { attendGuest } from "../guest/attend-guest.ts";
import { followHostDisk } from "../pause/follow-host-disk.ts";
import { followVmmStops } from "../live/note-stall.ts";
import { liveVm } from "../live/live-vms.ts";
import { trySettlePaused } from "../pause/pause-vm.ts";
import { noteSilence } from "../live/silence.ts";
import { startAgainBy } from "../stop/start-again.ts";
import { startVm } from "../start/start-vm.ts";
import { noteExit, recordExit } from "../stop/stop-vm.ts";
import { unseenEnd } from "./unseen-end.ts";
import { followVmService } from "../commands/vm-service-command.ts";
import { watchHealth } from "../pause/watch-health.ts";
import type { VmContext } from "../vm-context.ts";

/** How long a VMM may take to answer before it counts as silent. */
const ANSWER_MS = 5_000;
/** A VMM that goes on answers a question that it was asked before; its socket may have to be opened anew all the same. */
const ATTEMPT_MS = 60_000;
/** Between two attempts. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;

/**
 * Takes back the VMMs that earlier daemons started: all at once, each for as long as it takes. What is asked of a VM waits
 * until its VMM has answered or counts as silent (`context.attaching`), but for what ends it by force.
 *
 * @param answerMs how long a VMM may take to answer before it counts as silent.
 * @param told where it is said in words what was found.
 * @returns once each has answered, or counts as silent.
 */
export async function takeBackAll(
  context: VmContext,
  told: string[],
  signal: AbortSignal,
  answerMs = ANSWER_MS,
): Promise<void> {
  const begun = context.store.vms
    .list()
    .flatMap((vm) =>
      vm.machine === undefined || context.live.has(vm.id)
        ? []
        : [begin(context, vm, vm.machine, { told, signal, answerMs })],
    );
  await Promise.all(begun);
}

function begin(
  context: VmContext,
  vm: Vm,
  record: MachineRecord,
  { told, signal, answerMs }: { readonly told: string[]; readonly signal: AbortSignal; readonly answerMs: number },
): Promise<void> {
  const { promise: known, resolve } = Promise.withResolvers<void>();
  context.attaching.set(vm.id, known);
  const isKnown = (): void => {
    context.attaching.delete(vm.id);
    resolve();
  };
  const isSilent = (): void => {
    if (!isStill(context, vm.id, record) || context.attaching.get(vm.id) !== known) return;
    noteSilence(context, vm, "vmm");
    told.push(
      `VM ${vm.name}: its VMM, pid ${record.pid}, lives and does not answer; ` +
        `\`banger vm stop --force ${vm.name}\` ends it`,
    );
    isKnown();
  };
  const patience = setTimeout(isSilent, answerMs);
  takeBack(context, vm, record, { told, signal, isSilent })
    .catch((error: unknown) => {
      if (!signal.aborted) context.log.error({ err: error, vm: vm.name }, "a VM could not be taken back");
    })
    .finally(() => {
      clearTimeout(patience);
      isKnown();
    });
  return known;
}

interface Watch {
  readonly told: string[];
  readonly signal: AbortSignal;
  /** Called when an attempt has failed. */
  readonly isSilent: () => void;
}

/** Asks until there is an answer, or nothing left to ask. */
async function takeBack(
  context: VmContext,
  vm: Vm,
  record: MachineRecord,
  { told, signal, isSilent }: Watch,
): Promise<void> {
  const driver = await context.drivers.of(record);
  for (let waitMs = FIRST_WAIT_MS; isStill(context, vm.id, record); waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      const machine = await withDeadline(signal, ATTEMPT_MS, `the VMM of ${vm.name}`, (within) =>
        driver.attach(record, within),
      );
      await context.queue.run(vm.id, signal, () => adopt(context, vm.id, record, machine, told));
      return;
    } catch (error) {
      signal.throwIfAborted();
      // It has its disks open, so it is not taken for gone.
      context.log.debug({ err: error, vm: vm.name }, "a VMM lives and does not answer");
      isSilent();
      await after(waitMs, undefined, { signal, ref: false });
    }
  }
}

/** Takes a VM in hand, in its turn, if nothing has happened to it meanwhile. */
async function adopt(
  context: VmContext,
  vmId: string,
  record: MachineRecord,
  machine: Machine | undefined,
  told: string[],
): Promise<void> {
  const vm = context.store.vms.find(vmId);
  if (vm === undefined || !isStill(context, vmId, record) || context.live.has(vmId)) {
    machine?.release();
    return;
  }
  context.silent.delete(vmId);
  if (machine === undefined) {
    told.push(`VM ${vm.name}: its VMM had ended`);
    const { clean, reason, cause } = await unseenEnd(record);
    await recordExit(context, vmId, clean, reason, cause);
    return;
  }
  const live = liveVm(machine, agentConnector(context));
  context.live.set(vmId, live);
  noteExit(context, vmId, machine, startAgainBy(startVm));
  // What it meets with from now on is heard, what came before is asked for.
  followVmmStops(context, vmId, live);
  followHostDisk(context, vmId, live);
  await trySettlePaused(context, vmId);
  followVmService(context, vmId, live);
  watchHealth(context, vmId, live);
  attendGuest(context, vmId, live);
  context.log.info({ vm: vm.name, pid: record.pid }, "taken back");
  if (vm.state === "running" || vm.state === "paused") told.push(`VM ${vm.name}: taken back, pid ${record.pid}`);
}

/** Whether a VM's record still names this very VMM. */
function isStill({ store }: VmContext, vmId: string, record: MachineRecord): boolean {
  const machine = store.vms.find(vmId)?.machine;
  return machine?.pid === record.pid && machine.startTicks === record.startTicks;
}
