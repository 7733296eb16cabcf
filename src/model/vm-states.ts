import { BangerError } from "../lib/errors.ts";

export const VM_STATES = [
  "creating",
  "stopped",
  "starting",
  "running",
  "pausing",
  "paused",
  "resuming",
  "stopping",
  "failed",
  "deleting",
] as const;
export type VmState = (typeof VM_STATES)[number];

/** A step of a VM's life: what it is called once it is done, the states from which it may be taken, and where it leads. */
interface VmStep {
  readonly from: readonly VmState[] | "any";
  readonly to?: VmState;
}

const ALIVE = ["running", "pausing", "paused", "resuming", "stopping"] as const satisfies readonly VmState[];
const OFF = ["stopped", "failed"] as const satisfies readonly VmState[];

/**
 * The one place that knows which step may follow which. A VM that is `failed` may be started anew or deleted. Whoever finds
 * one in the middle of a step, when its turn has come, finds one whose step failed half-way: it can be ended, and ended again.
 */
export const VM_STEPS = {
  cloned: { from: ["creating"], to: "stopped" },
  starting: { from: OFF, to: "starting" },
  networked: { from: "any" },
  launched: { from: ["starting"] },
  installed: { from: ["starting"] },
  started: { from: ["starting"], to: "running" },
  "start-cancelled": { from: ["starting"], to: "stopped" },
  pausing: { from: ["running"], to: "pausing" },
  paused: { from: ["running", "pausing", "paused", "resuming"], to: "paused" },
  resuming: { from: ["paused"], to: "resuming" },
  resumed: { from: ["running", "pausing", "paused", "resuming"], to: "running" },
  stopping: { from: ["starting", ...ALIVE], to: "stopping" },
  "stop-cancelled": { from: ["starting", ...ALIVE], to: "running" },
  stopped: { from: ["starting", ...ALIVE, ...OFF], to: "stopped" },
  failed: { from: ["starting", ...ALIVE, ...OFF], to: "failed" },
  deleting: { from: "any", to: "deleting" },
  resized: { from: OFF },
  rebased: { from: OFF, to: "stopped" },
  /** Its disks read from other files, which hold the same. */
  moved: { from: "any" },
  "world-changed": { from: "any" },
  "service-changed": { from: "any" },
  "system-known": { from: "any" },
  rebooted: { from: ["starting", ...ALIVE] },
} as const satisfies Readonly<Record<string, VmStep>>;

export type VmStepName = keyof typeof VM_STEPS;

/**
 * Why a VM cannot take a step now.
 *
 * @returns `VM_WRONG_STATE` that says what the VM is doing and what it would have to do first.
 */
export function refuseVmStep(
  { name, state }: { readonly name: string; readonly state: VmState },
  step: string,
): BangerError {
  const to = STATES_OF.get(step);
  return new BangerError("VM_WRONG_STATE", {
    what: to === undefined ? `VM ${name} is ${state}` : `VM ${name} is ${state}: it cannot be ${ASKED[to]}`,
    fix: FIXES[state]?.(name) ?? `see \`banger vm inspect ${name}\``,
    data: { from: state, ...(to !== undefined && { to }) },
  });
}

const STATES_OF = new Map<string, VmState>(
  Object.entries<VmStep>(VM_STEPS).flatMap(([step, { to }]) => (to === undefined ? [] : [[step, to] as const])),
);

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
