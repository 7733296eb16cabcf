import { BangerError } from "../../../lib/errors.ts";
import type { PausedBecause } from "../../../model/paused-because.ts";
import type { Vm } from "../../../model/vm.ts";
import { hostDiskFull } from "./host-disk-full.ts";
import type { LiveVm } from "./live-vms.ts";
import type { VmContext } from "../vm-context.ts";

/** What a command is told that asks something of a VM that stands still, though nobody paused it. */
export function standsStill(name: string, because: PausedBecause): BangerError {
  if (because.kind === "host-disk-full") return hostDiskFull(name, because);
  const { reason, since } = because;
  return new BangerError("VMM_FAILED", {
    what: `VM ${name} is paused, because its VMM stopped it`,
    why: `the VMM gives as its reason, since ${since}: ${reason}`,
    fix: `let it go on with \`banger vm resume ${name}\`; if the VMM refuses, end it with \`banger vm stop --force ${name}\``,
    data: { reason, since },
  });
}

/** Whether a machine stands still though nobody asked for it, for who waits for its guest meanwhile. */
export class Stall {
  #because: PausedBecause | undefined;
  #begun = new AbortController();

  get because(): PausedBecause | undefined {
    return this.#because;
  }

  /** Aborts, with the error that tells of it, when the machine stops next. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  begin(name: string, because: PausedBecause): void {
    this.#because = because;
    this.#begun.abort(standsStill(name, because));
  }

  end(): void {
    if (this.#because === undefined) return;
    this.#because = undefined;
    this.#begun = new AbortController();
  }
}

const RUNS: ReadonlySet<Vm["state"]> = new Set(["running", "resuming", "paused"]);

/** Has everybody who waits for a guest hear that its machine stands still, and writes down why. One that starts says so itself. */
export function noteStall(
  { store }: Pick<VmContext, "store">,
  vmId: string,
  live: LiveVm,
  because: PausedBecause,
): void {
  const vm = store.vms.get(vmId);
  live.stall.begin(vm.name, because);
  live.keepStill(true);
  if (RUNS.has(vm.state)) store.vms.transition(vmId, "paused", { pausedBecause: because });
}

/** Why a VM stands still whose VMM stopped it. */
export function vmmStopped(reason: string): PausedBecause {
  return { kind: "vmm-stopped", reason, since: new Date().toISOString() };
}

/** For as long as a machine lives: writes down when its VMM stopped it for another reason than a full disk. */
export function followVmmStops(
  { store, live, log }: Pick<VmContext, "store" | "live" | "log">,
  vmId: string,
  of: LiveVm,
): void {
  of.machine.ownStops?.onStopped((reason) => {
    const vm = live.get(vmId) === of ? store.vms.find(vmId) : undefined;
    if (vm === undefined) return;
    log.error({ vm: vm.name, reason }, "the VMM stopped a VM");
    noteStall({ store }, vmId, of, vmmStopped(reason));
  });
}
