import { BangerError } from "../../../lib/errors.ts";
import type { Vm, VmSilence } from "../../../model/vm.ts";
import type { VmContext } from "../vm-context.ts";

type SilentVms = Pick<VmContext, "silent" | "log">;

/** Notes who of a VM does not answer. What goes on is not noted twice. */
export function noteSilence({ silent, log }: SilentVms, vm: Pick<Vm, "id" | "name">, who: VmSilence["who"]): VmSilence {
  const before = silent.get(vm.id);
  if (before?.who === who) return before;
  const silence: VmSilence = { who, since: new Date().toISOString(), fix: fixOf(vm, who) };
  silent.set(vm.id, silence);
  log.warn({ vm: vm.name, who }, "it lives and does not answer");
  return silence;
}

/** Notes that all of a VM answer. */
export function noteAnswer({ silent, log }: SilentVms, vm: Pick<Vm, "id" | "name">): void {
  if (silent.delete(vm.id)) log.info({ vm: vm.name }, "it answers again");
}

/** What a request is told that needs an answer of a VM that gives none. */
export function unresponsive(
  vm: Pick<Vm, "id" | "name">,
  { who, since, fix }: VmSilence,
  cause?: unknown,
): BangerError {
  return new BangerError("VM_UNRESPONSIVE", {
    what: who === "vmm" ? `the VMM of VM ${vm.name} does not answer` : `the agent in VM ${vm.name} does not answer`,
    why: `its processes live, and it has been silent since ${since}`,
    fix,
    cause,
    data: { who, since },
  });
}

function fixOf({ name }: Pick<Vm, "name">, who: VmSilence["who"]): string {
  const look = who === "vmm" ? "" : `see its console with \`banger vm logs ${name}\`; `;
  return `${look}wait, since it goes on by itself once it answers, or end it with \`banger vm stop --force ${name}\``;
}
