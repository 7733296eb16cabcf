import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { putRow } from "../../../core/testing/put-row.ts";
import type { AgentClient } from "../../../guest/agent-client.ts";
import { untilAborted } from "../../../lib/deadline.ts";
import type { VmSilence } from "../../../model/vm.ts";
import { machineOf, VM_ID, vmScene } from "../testing/vm-scene.ts";
import type { VmContext } from "../vm-context.ts";
import { watchHealth } from "./watch-health.ts";

const patience = { everyMs: 5, agentMs: 50, vmmMs: 50 };
const hang = (signal: AbortSignal): Promise<never> => untilAborted(new Promise<never>(() => {}), signal);

async function until(context: VmContext, t: TestContext, who: VmSilence["who"] | undefined): Promise<void> {
  while (context.silent.get(VM_ID)?.who !== who) await after(5, undefined, { signal: t.signal });
}

test("an agent or a VMM that stops answering is noticed and told apart, and so is that it answers again", async (t) => {
  const { context, vm } = await vmScene(t);
  const answers = { agent: true, vmm: true };
  const client = {
    closed: false,
    ping: async (signal: AbortSignal) => (answers.agent ? undefined : hang(signal)),
    keepStill() {},
    close() {},
  } as unknown as AgentClient;
  const isPaused = (signal: AbortSignal): Promise<boolean> => (answers.vmm ? Promise.resolve(false) : hang(signal));
  const { live } = machineOf(vm, { isPaused }, async () => client);
  context.live.set(VM_ID, live);
  t.after(() => live.close());
  watchHealth(context, VM_ID, live, patience);
  await after(100);
  assert.equal(context.silent.size, 0);

  answers.agent = false;
  await until(context, t, "agent");
  assert.match(context.silent.get(VM_ID)?.fix ?? "", /banger vm stop --force box/);
  answers.vmm = false;
  await until(context, t, "vmm");
  answers.vmm = true;
  await until(context, t, "agent");
  answers.agent = true;
  await until(context, t, undefined);
});

test("a pause that a frozen VMM did only later is written down then", async (t) => {
  const { context, vm } = await vmScene(t);
  putRow(context.store, "vms", { ...vm, state: "pausing" });
  const { live } = machineOf(vm, { isPaused: async () => true });
  context.live.set(VM_ID, live);
  t.after(() => live.close());
  watchHealth(context, VM_ID, live, patience);
  while (context.store.vms.get(VM_ID).state !== "paused") await after(5, undefined, { signal: t.signal });
  await live.close();
});
