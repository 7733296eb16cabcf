import assert from "node:assert/strict";
import { test } from "node:test";
import { VM_STATES, type VmState } from "./vm-states.ts";
import { refuseVmStep, VM_STEPS, type VmStepName } from "./vm-states.ts";

const may = (state: VmState, step: VmStepName): boolean => {
  const { from } = VM_STEPS[step];
  return from === "any" || from.some((one) => one === state);
};

/** The states that each step may be taken from, as a user of VMs knows them. */
const TABLE: Readonly<
  Record<Exclude<VmStepName, "networked" | "moved" | "world-changed" | "service-changed" | "system-known">, string>
> = {
  cloned: "creating",
  starting: "stopped failed",
  launched: "starting",
  installed: "starting",
  started: "starting",
  "start-cancelled": "starting",
  pausing: "running",
  paused: "running pausing paused resuming",
  resuming: "paused",
  resumed: "running pausing paused resuming",
  stopping: "starting running pausing paused resuming stopping",
  "stop-cancelled": "starting running pausing paused resuming stopping",
  stopped: "starting running pausing paused resuming stopping stopped failed",
  failed: "starting running pausing paused resuming stopping stopped failed",
  deleting: "creating stopped starting running pausing paused resuming stopping failed deleting",
  resized: "stopped failed",
  rebased: "stopped failed",
  rebooted: "starting running pausing paused resuming stopping",
};

for (const [step, states] of Object.entries(TABLE) as [keyof typeof TABLE, string][]) {
  test(`a VM can be ${step} only while it is ${states}`, () => {
    const allowed = new Set(states.split(" "));
    for (const state of VM_STATES) assert.equal(may(state, step), allowed.has(state), state);
  });
}

test("what is only noted of a VM may be noted in every state", () => {
  for (const step of ["networked", "moved", "world-changed", "service-changed", "system-known"] as const)
    for (const state of VM_STATES) assert.ok(may(state, step));
});

test("every state has a way to be deleted, and one that was left in the middle of a step can be stopped", () => {
  for (const state of VM_STATES) assert.ok(may(state, "deleting"));
  for (const state of ["starting", "pausing", "resuming", "stopping"] as const) assert.ok(may(state, "stopping"));
});

test("a step that is refused says what to do first", () => {
  const refused = refuseVmStep({ name: "demo", state: "running" }, "starting");
  assert.deepEqual([refused.code, refused.what], ["VM_WRONG_STATE", "VM demo is running: it cannot be started"]);
  assert.match(refused.fix, /banger vm stop demo/);
  assert.deepEqual(refused.data, { from: "running", to: "starting" });
  assert.match(refuseVmStep({ name: "demo", state: "creating" }, "resized").fix, /vm inspect demo/);
});
