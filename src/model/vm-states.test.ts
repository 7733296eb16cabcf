import assert from "node:assert/strict";
import { test } from "node:test";
import { VM_STATES } from "./vm.ts";
import { checkStep, maySucceed } from "./vm-states.ts";

test("every state but the last has a way on, and every one may come to be deleted", () => {
  const reach = (from: string): Set<string> => {
    const seen = new Set<string>();
    const todo = VM_STATES.filter((state) => state === from);
    for (let state = todo.pop(); state !== undefined; state = todo.pop()) {
      if (seen.has(state)) continue;
      seen.add(state);
      const here = state;
      todo.push(...VM_STATES.filter((next) => maySucceed(here, next)));
    }
    return seen;
  };
  for (const state of VM_STATES) assert.ok(reach(state).has("deleting"), `${state} cannot be deleted`);
});

test("a VM that was left in the middle of a step can be stopped and deleted", () => {
  for (const state of ["starting", "pausing", "resuming", "stopping"] as const) {
    checkStep("demo", state, "stopping");
    checkStep("demo", state, "deleting");
  }
  checkStep("demo", "deleting", "deleting");
  assert.throws(() => checkStep("demo", "deleting", "stopping"), { code: "VM_WRONG_STATE" });
});

test("a step that is not allowed says what to do first", () => {
  assert.throws(() => checkStep("demo", "running", "starting"), { code: "VM_WRONG_STATE", fix: /banger vm stop/ });
  assert.throws(() => checkStep("demo", "stopped", "running"), { code: "VM_WRONG_STATE" });
  checkStep("demo", "stopped", "starting");
});
