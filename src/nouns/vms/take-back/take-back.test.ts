import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import type { Vm } from "../../../model/vm.ts";
import type { Driver, Machine } from "../../../vmm/driver.ts";
import { askAgent } from "../guest/reach-agent.ts";
import { stopVm } from "../stop/stop-vm.ts";
import { takeBackAll } from "./take-back.ts";
import { machineOf, VM_ID, vmScene } from "../testing/vm-scene.ts";
import { byForce, inTurn } from "../live/turns.ts";

const never = new AbortController().signal;
const operation = { signal: never, progress: () => {} };

/** VMs of which each is attached as the test says, by its name. */
async function scene(t: TestContext, names: readonly string[]) {
  const { context, vm, vmm, gone, runDir } = await vmScene(t);
  const ending = new AbortController();
  t.after(() => ending.abort());
  context.store.vms.delete(VM_ID);
  for (const name of names) await writeFile(join(runDir, name), "");
  const vms = names.map((name, n): Vm => {
    const made = { ...vm, id: `vm-${String(n).padStart(16, "0")}`, name };
    if (made.machine !== undefined) made.machine = { ...made.machine, controlSocket: join(runDir, name) };
    context.store.vms.insert(made);
    return made;
  });
  const attempts = new Map(vms.map((each) => [each.name, Promise.withResolvers<Machine | undefined>()]));
  const driver: Pick<Driver, "attach"> = {
    attach: async ({ controlSocket }, signal) => {
      const name = basename(controlSocket);
      signal.addEventListener("abort", () => attempts.get(name)?.reject(signal.reason as Error), { once: true });
      const answer = await attempts.get(name)?.promise;
      return answer;
    },
  };
  Object.assign(context, { drivers: { of: async () => driver } });
  const answer = (made: Vm): void => attempts.get(made.name)?.resolve(machineOf(made).live.machine);
  return { context, vms, answer, signal: ending.signal, vmm, gone };
}

test("VMMs are asked side by side; one that is silent delays nobody, and is taken back when it answers", async (t) => {
  const { context, vms, answer, signal } = await scene(t, ["silent", "a", "b", "c"]);
  const [silent, ...others] = vms;
  assert.ok(silent);
  const told: string[] = [];
  const known = takeBackAll(context, told, signal, 100);
  assert.equal(context.attaching.size, vms.length);
  for (const vm of others) answer(vm);
  await known;
  assert.deepEqual(
    [...context.live.keys()],
    others.map(({ id }) => id),
  );
  assert.equal(context.silent.get(silent.id)?.who, "vmm");
  assert.match(told.join("\n"), /VM silent: its VMM, pid \d+, lives and does not answer/);
  await assert.rejects(
    askAgent(context, "silent", never, "do anything", () => assert.fail()),
    { code: "VM_UNRESPONSIVE", fix: /banger vm stop --force silent/ },
  );

  answer(silent);
  while (!context.live.has(silent.id)) await after(5, undefined, { signal: t.signal });
  assert.equal(context.silent.size, 0);
  assert.equal(context.attaching.size, 0);
  for (const live of context.live.values()) await live.close();
});

test("what is asked of a VM waits until its VMM has answered", async (t) => {
  const { context, vms, answer, signal } = await scene(t, ["late"]);
  const [vm] = vms;
  assert.ok(vm);
  const known = takeBackAll(context, [], signal, 60_000);
  const asked = inTurn(context, "late", never, async () => context.live.has(vm.id));
  const giveUp = new AbortController();
  const left = inTurn(context, "late", giveUp.signal, () => assert.fail());
  giveUp.abort();
  await assert.rejects(left, { code: "CANCELLED" });
  answer(vm);
  assert.equal(await asked, true);
  await known;
  for (const live of context.live.values()) await live.close();
});

test("a VM whose VMM is silent is ended by force at once, and not taken back afterwards", async (t) => {
  const { context, vms, answer, signal, gone } = await scene(t, ["frozen"]);
  const [vm] = vms;
  assert.ok(vm);
  const known = takeBackAll(context, [], signal, 60_000);
  const stopped = await byForce(context, "frozen", never, async (now, within) => {
    assert.ok(now);
    return stopVm(context, now, { timeoutMs: 0, force: true }, { ...operation, signal: within });
  });
  assert.deepEqual([stopped.state, stopped.machine], ["stopped", undefined]);
  await gone;
  answer(vm);
  await known;
  assert.equal(context.live.size, 0);
  assert.equal(context.store.vms.get(vm.id).state, "stopped");
});

test("a VMM that ended before it was taken back is written down", async (t) => {
  const { context, vms, signal } = await scene(t, ["gone"]);
  const [vm] = vms;
  assert.ok(vm);
  const told: string[] = [];
  Object.assign(context, { drivers: { of: async () => ({ attach: async () => undefined }) } });
  await takeBackAll(context, told, signal);
  assert.equal(context.store.vms.get(vm.id).state, "failed");
  assert.deepEqual(told, ["VM gone: its VMM had ended"]);
});
