import type { Vm } from "../../../model/vm.ts";
import type { StopCause, VmReboots } from "../../../model/vm-boots.ts";
import type { MachineExit } from "../../../vmm/driver.ts";

/** A guest that reboots sooner than this after it was ready has hardly done anything else. */
const QUICK_MS = 60_000;
/** So many of those in a row are taken for a loop that does not end by itself. */
export const MAX_QUICK_REBOOTS = 5;

export type AfterExit =
  | { readonly next: "rest"; readonly cause: StopCause }
  | { readonly next: "start"; readonly reboots: VmReboots }
  | { readonly next: "give-up"; readonly what: string };

export interface Ended {
  readonly exit: MachineExit;
  readonly vm: Pick<Vm, "state" | "builds" | "startedAt" | "timings" | "reboots">;
  /** Whether its agent would have marked a reset that stands for a poweroff. Without that, no reset is taken for a reboot. */
  readonly marksPoweroff: boolean;
  readonly at: Date;
}

/** What comes after a machine that ended with nobody having asked for it. */
export function planAfterExit({ exit, vm, marksPoweroff, at }: Ended): AfterExit {
  if (exit.by === "panic") return { next: "rest", cause: "guest-panic" };
  if (exit.by === "vmm") return { next: "rest", cause: "vmm" };
  if (exit.by === "shutdown") return { next: "rest", cause: "guest-shutdown" };
  // What is being built is to be looked at as it is: and a machine that was not ready is told of by its start.
  if (!marksPoweroff || vm.builds !== undefined || vm.state !== "running")
    return { next: "rest", cause: "guest-reboot" };
  const readyAt = Date.parse(vm.startedAt ?? "") + (vm.timings.readyMs ?? 0);
  const isQuick = at.getTime() - readyAt < QUICK_MS;
  const quick = isQuick ? (vm.reboots?.quick ?? 0) + 1 : 0;
  if (quick > MAX_QUICK_REBOOTS) {
    const what = `the guest reboots without end: ${quick} times in a row within a minute of its being ready`;
    return { next: "give-up", what };
  }
  return { next: "start", reboots: { count: (vm.reboots?.count ?? 0) + 1, quick, lastAt: at.toISOString() } };
}
