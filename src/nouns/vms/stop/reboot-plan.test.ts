import assert from "node:assert/strict";
import { test } from "node:test";
import type { VmReboots } from "../../../model/vm-boots.ts";
import type { MachineExit } from "../../../vmm/driver.ts";
import { type Ended, MAX_QUICK_REBOOTS, planAfterExit } from "./reboot-plan.ts";

const START = Date.parse("2026-01-02T03:04:05.000Z");
const reboot: MachineExit = { clean: true, by: "reboot", reason: "the guest rebooted" };

function after(exit: MachineExit, ranMs: number, reboots?: VmReboots, changes: Partial<Ended["vm"]> = {}) {
  const vm = { state: "running", startedAt: new Date(START).toISOString(), timings: { stages: {}, readyMs: 2_000 } };
  return planAfterExit({
    exit,
    vm: { ...vm, ...(reboots && { reboots }), ...changes } as Ended["vm"],
    marksPoweroff: true,
    at: new Date(START + 2_000 + ranMs),
  });
}

test("only a guest that rebooted is started again", () => {
  assert.equal(after(reboot, 3_600_000).next, "start");
  assert.deepEqual(after({ clean: true, by: "shutdown", reason: "" }, 1), { next: "rest", cause: "guest-shutdown" });
  assert.deepEqual(after({ clean: false, by: "panic", reason: "" }, 1), { next: "rest", cause: "guest-panic" });
  assert.deepEqual(after({ clean: false, by: "vmm", reason: "" }, 1), { next: "rest", cause: "vmm" });
});

test("an agent that marks no poweroff, and a VM in which an image is built, leave a reset as the end", () => {
  const rest = { next: "rest", cause: "guest-reboot" };
  assert.deepEqual(after(reboot, 1, undefined, { builds: "img-1" }), rest);
  assert.deepEqual(after(reboot, 1, undefined, { state: "starting" }), rest);
  const vm = { state: "running", timings: { stages: {} } } as Ended["vm"];
  assert.deepEqual(planAfterExit({ exit: reboot, vm, marksPoweroff: false, at: new Date() }), rest);
});

test("reboots are counted, and a loop of quick ones is given up", () => {
  let reboots: VmReboots | undefined;
  for (let n = 1; n <= MAX_QUICK_REBOOTS; n += 1) {
    const plan = after(reboot, 1_000, reboots);
    assert.ok(plan.next === "start");
    assert.deepEqual([plan.reboots.count, plan.reboots.quick], [n, n]);
    reboots = plan.reboots;
  }
  const sixth = after(reboot, 1_000, reboots);
  assert.ok(sixth.next === "give-up");
  assert.match(sixth.what, /6 times in a row/);
  const slow = after(reboot, 61_000, reboots);
  assert.ok(slow.next === "start");
  assert.deepEqual([slow.reboots.count, slow.reboots.quick], [6, 0]);
});
