import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "../../../lib/errors.ts";
import type { OwnStops } from "../../../vmm/driver.ts";
import { resumeVm, pauseVm, trySettlePaused } from "../pause/pause-vm.ts";
import { askAgent } from "../guest/reach-agent.ts";
import { followVmmStops } from "./note-stall.ts";
import { Stall } from "./stall.ts";
import { machineOf, VM_ID, vmScene } from "../testing/vm-scene.ts";

const never = new AbortController().signal;
const operation = { signal: never, progress: () => {} };
const quiet: OwnStops = {
  forDisk: async () => undefined,
  reason: async () => undefined,
  onDiskError() {},
  onStopped() {},
};

test("who waits for a guest hears that it stopped, each time anew", () => {
  const stall = new Stall();
  const first = stall.signal;
  stall.begin("box", { kind: "host-disk-full", disk: "root", since: "2026-01-02T03:04:05Z" });
  assert.equal(first.reason.code, "DISK_FULL");
  stall.end();
  assert.equal(stall.because, undefined);
  assert.ok(!stall.signal.aborted);
});

test("a VM that its VMM stopped is paused with the VMM's reason, and whoever wants something of it is told", async (t) => {
  const { context, vm } = await vmScene(t);
  let stop: (reason: string) => void = () => assert.fail("nobody listens");
  const { live } = machineOf(vm, {
    ownStops: { ...quiet, onStopped: (hear) => (stop = hear), reason: async () => "internal-error" },
    resume: () => Promise.reject(new Error("Resetting the Virtual Machine is required")),
    isPaused: async () => true,
  });
  t.after(() => live.close());
  context.live.set(VM_ID, live);
  followVmmStops(context, VM_ID, live);
  stop("internal-error");
  const stopped = context.store.vms.get(VM_ID);
  assert.equal(stopped.state, "paused");
  assert.deepEqual(
    { ...stopped.pausedBecause, since: "" },
    { kind: "vmm-stopped", reason: "internal-error", since: "" },
  );
  const told = { code: "VMM_FAILED", why: /internal-error/, fix: /vm resume box.*vm stop --force box/ };
  await assert.rejects(
    askAgent(context, "box", never, "do it", () => assert.fail()),
    told,
  );
  assert.equal(live.stall.signal.reason.code, "VMM_FAILED", "who waits already hears it too");
  assert.deepEqual(await pauseVm(context, stopped, operation), stopped);
  await assert.rejects(resumeVm(context, stopped, operation), /Resetting the Virtual Machine/);
  assert.deepEqual(
    context.store.vms.get(VM_ID).pausedBecause,
    stopped.pausedBecause,
    "it stays so when its VMM refuses",
  );
});

test("a daemon that comes later asks for the reason", async (t) => {
  const { context, vm } = await vmScene(t);
  const { live } = machineOf(vm, {
    isPaused: async () => true,
    ownStops: { ...quiet, reason: async () => "watchdog" },
  });
  t.after(() => live.close());
  context.live.set(VM_ID, live);
  await trySettlePaused(context, VM_ID);
  const { state, pausedBecause } = context.store.vms.get(VM_ID);
  assert.deepEqual([state, pausedBecause?.kind], ["paused", "vmm-stopped"]);
});

test("a machine that cannot pause says why, and its VM runs on", async (t) => {
  const { context, vm } = await vmScene(t);
  const why = new BangerError("VMM_CANNOT", { what: "1.16 cannot pause a VM", fix: "use 1.17" });
  for (const [lacks, told] of [
    [{ lacks: { pause: why } }, { code: "VMM_CANNOT", what: "1.16 cannot pause a VM" }],
    [{}, { code: "VMM_CANNOT", fix: /vm stop box/ }],
  ] as const) {
    const { live } = machineOf(vm, lacks);
    t.after(() => live.close());
    context.live.set(VM_ID, live);
    await assert.rejects(pauseVm(context, vm, operation), told);
    assert.equal(context.store.vms.get(VM_ID).state, "running");
  }
});
