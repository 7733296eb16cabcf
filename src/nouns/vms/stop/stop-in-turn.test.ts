import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { putRow } from "../../../core/testing/put-row.ts";
import { stopInTurn } from "./stop-in-turn.ts";
import { hang, silentMachine, VM_ID, vmScene } from "../testing/vm-scene.ts";
import { inTurn } from "../live/turns.ts";

const never = new AbortController().signal;
const operation = { signal: never, progress: () => {} };

/** A VM of which a change hangs, in front of all that comes. */
async function heldUp(t: TestContext) {
  const scene = await vmScene(t);
  const { context, vm } = scene;
  const kills: (number | undefined)[] = [];
  const { live } = silentMachine(vm, (graceMs) => kills.push(graceMs));
  context.live.set(VM_ID, live);
  const change = inTurn(context, "box", never, (_vm, signal) => hang(signal));
  change.catch(() => {});
  await turn();
  return { ...scene, change, kills };
}

test("the time of a stop counts from the request: what holds it up is cancelled, and the VM ended", async (t) => {
  const { context, change, kills } = await heldUp(t);
  const began = performance.now();
  assert.equal((await stopInTurn(context, "box", 300, operation)).state, "stopped");
  const took = performance.now() - began;
  assert.ok(took >= 290 && took < 2_300, `it took ${took} ms`);
  assert.equal(kills[0], 0, "it is killed at once");
  await assert.rejects(change, { code: "CANCELLED", why: "VM box is being ended by force" });
});

test("what has waited for its turn has only the rest of its time for the guest", async (t) => {
  const { context, vm } = await vmScene(t);
  const { live } = silentMachine(vm);
  context.live.set(VM_ID, live);
  const change = inTurn(context, "box", never, () => new Promise<void>((resolve) => setTimeout(resolve, 700)));
  const began = performance.now();
  assert.equal((await stopInTurn(context, "box", 1_000, operation)).state, "stopped");
  const took = performance.now() - began;
  assert.ok(took >= 990 && took < 1_650, `it took ${took} ms`);
  await change;
});

test("a VM that is being made, and one that is off, are not taken from who works at them", async (t) => {
  const { context, vm, change } = await heldUp(t);
  const refused = { code: "TIMED_OUT", fix: /banger vm stop --force box/ };
  await assert.rejects(
    stopInTurn(context, "box", 50, operation, (id) => id === VM_ID),
    refused,
  );
  context.live.clear();
  const { machine: _machine, ...rest } = vm;
  putRow(context.store, "vms", { ...rest, state: "stopped" });
  await assert.rejects(stopInTurn(context, "box", 50, operation), refused);
  assert.equal(await Promise.race([change, turn("still under way")]), "still under way");
});

test("who gives up a stop while it waits changes nothing", async (t) => {
  const { context, kills } = await heldUp(t);
  const asker = new AbortController();
  const stopping = stopInTurn(context, "box", 60_000, { ...operation, signal: asker.signal });
  await turn();
  asker.abort();
  await assert.rejects(stopping, { code: "CANCELLED" });
  assert.deepEqual(kills, []);
});
