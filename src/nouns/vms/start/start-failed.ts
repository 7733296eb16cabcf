import { asBangerError, BangerError } from "../../../lib/errors.ts";
import type { Vm } from "../../../model/vm.ts";
import { atRest } from "../stop/at-rest.ts";
import type { BootClock } from "../logs/boot-watch.ts";
import { consoleLogPath, consoleTail } from "../logs/console-log.ts";
import type { VmContext } from "../vm-context.ts";

/** Writes down why a start failed, unless the VM has gone on to another step meanwhile. @returns what its asker is told. */
export async function startFailed(context: VmContext, vm: Vm, clock: BootClock, cause: unknown): Promise<BangerError> {
  const error = asBangerError(cause);
  // What ends a VM by force may have gone on to the next step.
  const isOurs = context.store.vms.find(vm.id)?.state === "starting";
  if (error.code === "CANCELLED") {
    if (isOurs) context.store.vms.transition(vm.id, "start-cancelled", atRest);
    return error;
  }
  const tail = await consoleTail(consoleLogPath(context, vm.id));
  const seconds = (clock.elapsedMs / 1000).toFixed(1);
  const what = `VM ${vm.name} did not start: it stopped in stage "${clock.stage}" after ${seconds} s`;
  if (isOurs) {
    const at = new Date().toISOString();
    const failure = { at, stage: clock.stage, what: `${what}: ${error.message}`, consoleTail: tail };
    context.store.vms.transition(vm.id, "failed", (now) => ({ ...atRest(now), failure }));
  }
  // What the host lacks has its own code and its own mend; only the guest's failures are this start's.
  if (!GUEST_FAILURES.has(error.code)) return error;
  return new BangerError("VM_START_FAILED", {
    what,
    why:
      tail === "" ? `${error.message}; its console is silent` : `${error.message}; the console's last lines:\n${tail}`,
    fix: `see \`banger vm logs ${vm.name}\`; a slow host may need a longer vm.start_timeout`,
    cause: error,
    data: { stage: clock.stage, elapsedMs: clock.elapsedMs },
  });
}

const GUEST_FAILURES: ReadonlySet<string> = new Set([
  "TIMED_OUT",
  "VMM_FAILED",
  "AGENT_UNREACHABLE",
  "AGENT_PROTOCOL",
  "INTERNAL",
]);
