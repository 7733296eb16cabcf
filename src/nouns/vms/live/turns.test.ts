import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { deleteVm } from "../delete/delete-vm.ts";
import { stopVm } from "../stop/stop-vm.ts";
import { hang, machineOf, silentMachine, VM_ID, vmScene } from "../testing/vm-scene.ts";
import { byForce, inTurn } from "./turns.ts";

const never = new AbortController().signal;
const operation = { signal: never, progress: () => {} };

test("force passes by a stop that hangs and all that waits behind it, and says so to them", async (t) => {
  const { context, vm } = await vmScene(t);
  const { live } = silentMachine(vm);
  context.live.set(VM_ID, live);
  const stopping = inTurn(context, "box", never, (now, signal) =>
    stopVm(context, now, { timeoutMs: 60_000, force: false }, { ...operation, signal }),
  );
  const waiting = inTurn(context, "box", never, () => assert.fail("it must not begin"));
  for (const told of [stopping, waiting]) told.catch(() => {});
  await turn();
  const began = performance.now();
  const stopped = await byForce(context, "box", never, async (now, signal) => {
    assert.ok(now);
    return stopVm(context, now, { timeoutMs: 60_000, force: true }, { ...operation, signal });
  });
  assert.ok(performance.now() - began < 2_000);
  assert.equal(stopped.state, "stopped");
  const words = { code: "CANCELLED", why: "VM box is being ended by force" };
  await assert.rejects(stopping, words);
  await assert.rejects(waiting, words);
  assert.equal(context.store.vms.get(VM_ID).state, "stopped");
});

test("a VM is deleted by force under a change that hangs", async (t) => {
  const { context, vm } = await vmScene(t);
  const { live, exit } = machineOf(vm, {
    kill: async () => exit.resolve({ clean: false, by: "vmm", reason: "killed" }),
  });
  context.live.set(VM_ID, live);
  const hanging = inTurn(context, "box", never, (_vm, signal) => hang(signal));
  hanging.catch(() => {});
  await turn();
  await byForce(context, "box", never, async (now) => {
    assert.ok(now);
    await deleteVm(context, now, true, operation);
  });
  assert.equal(context.store.vms.find(VM_ID), undefined);
  await assert.rejects(hanging, { code: "CANCELLED" });
});

test("a stop of a guest and a VMM that say nothing keeps to its time", async (t) => {
  const { context, vm } = await vmScene(t);
  const { live } = silentMachine(vm);
  context.live.set(VM_ID, live);
  // As an exec does that waits for the agent.
  const exec = live.agent(never);
  exec.catch(() => {});
  const began = performance.now();
  const stopped = await stopVm(context, vm, { timeoutMs: 300, force: false }, operation);
  assert.ok(performance.now() - began < 2_300, `it took ${performance.now() - began} ms`);
  assert.equal(stopped.state, "stopped");
  await assert.rejects(exec, { code: "AGENT_UNREACHABLE" });
});
