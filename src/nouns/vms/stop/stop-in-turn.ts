import { BangerError } from "../../../lib/errors.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { Vm } from "../../../model/vm.ts";
import { changed } from "../../../core/steps.ts";
import { atRest } from "./at-rest.ts";
import { stopVm, type StopOptions } from "./stop-vm.ts";
import { byForce, inTurn } from "../live/turns.ts";
import type { VmContext } from "../vm-context.ts";

/**
 * Stops a VM in its turn. The time that its guest has counts from now, since whoever asks waits from now: when it is over
 * before the turn has come, what holds the VM up is cancelled and the VM is ended by force. Only what a user would lose by
 * that is left alone, as the creation of the VM, or a change of its disks.
 *
 * @param isBeingMade whether its creation is under way.
 * @throws BangerError as {@link stopVm}; `TIMED_OUT` when its turn has not come and it is left alone.
 */
export async function stopInTurn(
  context: VmContext,
  ref: string,
  timeoutMs: number,
  operation: OperationContext,
  isBeingMade: (vmId: string) => boolean = () => false,
): Promise<Vm> {
  const { store, live } = context;
  const { id, name } = store.vms.get(ref);
  const until = performance.now() + timeoutMs;
  const overdue = new AbortController();
  const timer = setTimeout(() => overdue.abort(heldUp(name, timeoutMs)), timeoutMs);
  try {
    return await inTurn(context, id, AbortSignal.any([operation.signal, overdue.signal]), (vm, signal) => {
      clearTimeout(timer);
      const options = { timeoutMs: Math.max(0, until - performance.now()), force: false };
      return stopVm(context, vm, options, { ...operation, signal });
    });
  } catch (error) {
    const runs = live.has(id) || store.vms.find(id)?.machine !== undefined;
    if (!overdue.signal.aborted || operation.signal.aborted || !runs || isBeingMade(id)) throw error;
    return await stopByForce(context, id, { timeoutMs, force: true }, operation);
  } finally {
    clearTimeout(timer);
  }
}

/** Ends a VM at once, before all that waits for it. */
export async function stopByForce(
  context: VmContext,
  ref: string,
  options: StopOptions,
  operation: OperationContext,
): Promise<Vm> {
  const before = context.store.vms.get(ref);
  return byForce(context, ref, operation.signal, async (vm, signal) =>
    // What was cancelled may have taken it away, as a create does.
    vm === undefined
      ? changed(before, atRest(before), "stopped")
      : stopVm(context, vm, options, { ...operation, signal }),
  );
}

function heldUp(name: string, timeoutMs: number): BangerError {
  return new BangerError("TIMED_OUT", {
    what: `VM ${name} is not stopped`,
    why: `another command on it has been under way for ${timeoutMs / 1000} s, and is not done`,
    fix: `wait for that, or end both at once with \`banger vm stop --force ${name}\``,
  });
}
