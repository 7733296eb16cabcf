import { BangerError } from "../lib/errors.ts";
import type { VmState } from "./vm.ts";

/**
 * The one place that knows which step may follow which. `failed` may be started anew or deleted. Whoever finds a VM in the
 * middle of a step, when its turn has come, finds one whose step failed half-way: it can be ended, and ended again.
 */
const STEPS: Readonly<Record<VmState, readonly VmState[]>> = {
  creating: ["stopped", "deleting"],
  stopped: ["starting", "deleting"],
  starting: ["running", "failed", "stopping", "stopped", "deleting"],
  running: ["pausing", "stopping", "stopped", "failed", "deleting"],
  pausing: ["paused", "running", "stopping", "failed", "stopped", "deleting"],
  paused: ["resuming", "stopping", "stopped", "failed", "deleting"],
  resuming: ["running", "paused", "stopping", "failed", "stopped", "deleting"],
  stopping: ["stopping", "stopped", "failed", "deleting"],
  failed: ["starting", "deleting", "stopped"],
  deleting: ["deleting"],
};

export function maySucceed(from: VmState, to: VmState): boolean {
  return STEPS[from].includes(to);
}

/**
 * Checks one step of a VM's life.
 *
 * @throws BangerError `VM_WRONG_STATE` that says what the VM is doing and what it would have to do first.
 */
export function checkStep(name: string, from: VmState, to: VmState): void {
  if (maySucceed(from, to)) return;
  throw new BangerError("VM_WRONG_STATE", {
    what: `VM ${name} is ${from}: it cannot be ${ASKED[to]}`,
    fix: FIXES[from]?.(name) ?? `see \`banger vm inspect ${name}\``,
    data: { from, to },
  });
}

/** What was asked for, as each state's name stands for the step towards it. */
const ASKED: Readonly<Record<VmState, string>> = {
  creating: "created",
  stopped: "stopped",
  starting: "started",
  running: "started",
  pausing: "paused",
  paused: "paused",
  resuming: "resumed",
  stopping: "stopped",
  failed: "given up",
  deleting: "deleted",
};

const FIXES: Partial<Record<VmState, (name: string) => string>> = {
  running: (name) => `stop it first: \`banger vm stop ${name}\``,
  paused: (name) => `let it go on first: \`banger vm resume ${name}\``,
  stopped: (name) => `start it first: \`banger vm start ${name}\``,
  failed: (name) => `start it again, \`banger vm start ${name}\`, or delete it`,
  deleting: () => "wait until it is gone",
};
