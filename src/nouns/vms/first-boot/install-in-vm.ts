import { withDeadline } from "../../../lib/deadline.ts";
import { BangerError } from "../../../lib/errors.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { Vm } from "../../../model/vm.ts";
import { installLog, pruneInstallLogs } from "./install-logs.ts";
import { installSystem } from "./install-system.ts";
import { planSystem } from "./system-plan.ts";
import type { LiveVm } from "../live/live-vms.ts";
import { endMachine, shutDown } from "../stop/stop-vm.ts";
import type { VmContext } from "../vm-context.ts";

/** Time for a guest to write its disk out after its package manager has done so. */
const SHUTDOWN_MS = 120_000;

/** Whether a VM's next start is the one that gives it its init. */
export function needsInstallation(vm: Vm): boolean {
  return vm.firstBoot !== undefined && vm.firstBoot.doneAt === undefined;
}

/**
 * Gives a VM, whose agent runs as PID 1, the init it was created to have, and ends the machine; it is to be booted anew.
 * One that is cut off is begun anew by the next start, on a clean disk.
 *
 * @throws BangerError `GUEST_UNSUPPORTED`, `FIRST_BOOT_FAILED`, `TIMED_OUT`, `VMM_FAILED`.
 */
export async function installInVm(
  context: VmContext,
  vm: Vm,
  live: LiveVm,
  { signal, progress }: OperationContext,
): Promise<Vm> {
  const { firstBoot } = vm;
  if (firstBoot === undefined) return vm;
  // Where it is by now: a record may be older than the state's place, or not be ours.
  const log = installLog(context.layout, vm.id);
  const plan = planSystem(context.store.images.get(vm.image.id).system);
  await pruneInstallLogs(context.layout);
  live.ending = true; // Its end is told from here.
  const ended = live.machine.exited.then((exit): never => {
    throw new BangerError("VMM_FAILED", { what: exit.reason, fix: `see ${log}` });
  });
  ended.catch(() => {});
  const limitMs = context.config.vm.first_boot_timeout * 1000;
  await withDeadline(signal, limitMs, `${plan.init} to be installed`, async (within) => {
    const agent = await live.agent(within);
    const operation = { signal: within, progress };
    await Promise.race([installSystem(agent, { name: vm.name, plan, log }, operation), ended]);
  });
  await shutDown(context, live, { timeoutMs: SHUTDOWN_MS, force: false }, signal);
  await endMachine(context, vm.id);
  const doneAt = new Date().toISOString();
  return context.store.vms.transition(vm.id, "installed", { firstBoot: { ...firstBoot, log, doneAt } });
}
