import assert from "node:assert/strict";
import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import { putRow } from "../../../core/testing/put-row.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { Vm } from "../../../model/vm.ts";
import type { VmReboots } from "../../../model/vm-boots.ts";
import type { MachineExit } from "../../../vmm/driver.ts";
import { startAgainBy } from "./start-again.ts";
import { noteExit, stopVm } from "./stop-vm.ts";
import { machineOf, VM_ID, vmScene } from "../testing/vm-scene.ts";
import { byForce } from "../live/turns.ts";
import type { VmContext } from "../vm-context.ts";

const never = new AbortController().signal;
const reboot: MachineExit = { clean: true, by: "reboot", reason: "the guest rebooted" };

/** A VM that runs, and what is counted of its starts. */
async function running(t: TestContext, changes: Partial<Vm> = {}) {
  const { context, vm } = await vmScene(t);
  putRow(context.store, "vms", { ...vm, ...changes });
  const { live, exit } = machineOf(vm);
  live.guest = { abilities: new Set(["reboot"]) };
  context.live.set(VM_ID, live);
  const starts: VmReboots[] = [];
  const start = async (within: VmContext, stopped: Vm, _operation: unknown, reboots: VmReboots): Promise<Vm> => {
    starts.push(reboots);
    const started: Vm = { ...stopped, state: "running", reboots };
    putRow(within.store, "vms", started);
    return started;
  };
  noteExit(context, VM_ID, live.machine, startAgainBy(start));
  const settled = async (): Promise<Vm> => {
    for (let n = 0; n < 3; n += 1) {
      await turn();
      await context.queue.run(VM_ID, never, async () => {});
    }
    return context.store.vms.get(VM_ID);
  };
  return { context, live, exit, starts, settled };
}

test("a guest that reboots is started again, and its last stop is remembered", async (t) => {
  const { exit, starts, settled } = await running(t);
  exit.resolve(reboot);
  const { state, lastStop, reboots } = await settled();
  assert.deepEqual([state, lastStop?.cause, reboots?.count, starts.length], ["running", "guest-reboot", 1, 1]);
});

test("one that shuts down, and one whose agent marks no poweroff, stay stopped", async (t) => {
  const off = await running(t);
  off.exit.resolve({ clean: true, by: "shutdown", reason: "the guest shut down" });
  const { state, lastStop } = await off.settled();
  assert.deepEqual([state, lastStop?.cause, lastStop?.what], ["stopped", "guest-shutdown", "the guest shut down"]);
  const old = await running(t);
  old.live.guest = { abilities: new Set(["exec"]) };
  old.exit.resolve(reboot);
  assert.equal((await old.settled()).state, "stopped");
  assert.deepEqual([off.starts, old.starts], [[], []]);
});

test("a guest whose processors stopped, and whose machine was ended for that, has halted", async (t) => {
  const { exit, live, settled } = await running(t);
  live.halted = true;
  exit.resolve({ clean: false, by: "vmm", reason: "QEMU was told to end" });
  const { state, lastStop, failure } = await settled();
  assert.deepEqual([state, lastStop?.what, failure], ["stopped", "the guest halted", undefined]);
});

test("a VM that somebody stops meanwhile is left stopped", async (t) => {
  const { context, exit, starts, settled } = await running(t);
  await context.queue.run(VM_ID, never, async () => {
    exit.resolve(reboot);
    await turn();
    // It waits behind the end of the machine, and before the next start.
    void context.queue.run(VM_ID, never, async () => {
      const options = { timeoutMs: 1_000, force: false };
      await stopVm(context, context.store.vms.get(VM_ID), options, { signal: never, progress: () => {} });
    });
  });
  const { lastStop } = await settled();
  assert.deepEqual([lastStop?.cause, starts], ["stop", []]);
});

test("the start after a reboot is cancelled by what ends the VM by force", async (t) => {
  const { context, vm } = await vmScene(t);
  putRow(context.store, "vms", { ...vm, state: "stopped" });
  const begun = Promise.withResolvers<void>();
  const start = async (_context: VmContext, stopped: Vm, { signal }: OperationContext): Promise<Vm> => {
    begun.resolve();
    await once(signal, "abort");
    return stopped;
  };
  startAgainBy(start)(context, VM_ID, { count: 1, quick: 1, lastAt: new Date().toISOString() });
  await begun.promise;
  const stopped = await byForce(context, VM_ID, never, async (found) => found?.state);
  assert.equal(stopped, "stopped");
});

test("a loop of quick reboots leaves it failed, with the reason and the VMM's end", async (t) => {
  const reboots = { count: 9, quick: 5, lastAt: new Date().toISOString() };
  const { exit, starts, settled } = await running(t, { reboots, startedAt: new Date().toISOString() });
  exit.resolve(reboot);
  const { state, lastStop, failure } = await settled();
  assert.deepEqual([state, lastStop?.cause, starts], ["failed", "reboot-loop", []]);
  assert.match(failure?.what ?? "", /6 times in a row/);
});

test("a panic, and a VMM that is killed, are told as what they are", async (t) => {
  const panicked = await running(t);
  panicked.exit.resolve({ clean: false, by: "panic", reason: "the guest's kernel panicked: x" });
  const first = await panicked.settled();
  assert.deepEqual([first.state, first.lastStop?.cause], ["failed", "guest-panic"]);
  const killed = await running(t);
  killed.exit.resolve({ clean: false, by: "vmm", reason: "QEMU was killed by SIGKILL" });
  const second = await killed.settled();
  assert.deepEqual([second.lastStop?.cause, second.lastStop?.what], ["vmm", "QEMU was killed by SIGKILL"]);
});
