import { untilAborted } from "../../../lib/deadline.ts";
import { BangerError } from "../../../lib/errors.ts";
import type { Vm } from "../../../model/vm.ts";
import type { VmContext } from "../vm-context.ts";
import type { LiveVm } from "./live-vms.ts";

/** How long what is cancelled by force may take to put back what it did. */
const FORCE_PATIENCE_MS = 5_000;

/** Runs a change of one VM after the changes of it that were asked for before, on the VM as it is then. */
export async function inTurn<T>(
  context: VmContext,
  ref: string,
  signal: AbortSignal,
  change: (vm: Vm, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { store, queue, attaching } = context;
  const { id } = store.vms.get(ref);
  await untilAborted(attaching.get(id) ?? Promise.resolve(), signal);
  return queue.run(id, signal, (within) => change(store.vms.get(id), within));
}

/**
 * Runs what ends a VM by force: what runs and what waits for that VM is cancelled, and its machine is killed, so that
 * nothing waits on a guest or a VMM that does not answer. Then comes the change, on the VM as it is left: undefined where
 * what was cancelled has removed it, as a create does.
 *
 * @param before the machine is killed; it must bound itself.
 */
export async function byForce<T>(
  context: VmContext,
  ref: string,
  signal: AbortSignal,
  change: (vm: Vm | undefined, signal: AbortSignal) => Promise<T>,
  before: (vm: Vm, live: LiveVm) => Promise<void> = () => Promise.resolve(),
): Promise<T> {
  const { store, queue, live } = context;
  const vm = store.vms.get(ref);
  const { id, name } = vm;
  const machine = live.get(id);
  if (machine !== undefined) await before(vm, machine);
  // Killed beside the queue: whoever of them waits for this machine then learns that it is over.
  const killing = machine === undefined ? Promise.resolve() : kill(machine);
  const options = { signal, reason: endedByForce(name), patienceMs: FORCE_PATIENCE_MS };
  return queue.runFirst(id, options, async (within) => {
    await killing;
    return change(store.vms.find(id), within);
  });
}

async function kill(live: LiveVm): Promise<void> {
  live.ending = true;
  await live.close();
  await live.machine.kill(0);
}

function endedByForce(name: string): BangerError {
  return new BangerError("CANCELLED", {
    what: "cancelled",
    why: `VM ${name} is being ended by force`,
    fix: `see what is left of it with \`banger vm list\``,
  });
}
