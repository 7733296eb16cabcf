import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { putRow } from "../../../core/testing/put-row.ts";
import { lyingAgent } from "../../../guest/testing/lying-agent.ts";
import type { AgentClient } from "../../../guest/agent-client.ts";
import { untilAborted } from "../../../lib/deadline.ts";
import { askAgent, type RunningVm } from "./reach-agent.ts";
import { noteSilence } from "../live/silence.ts";
import { machineOf, VM_ID, vmScene } from "../testing/vm-scene.ts";

const never = new AbortController().signal;
const hang = (signal: AbortSignal): Promise<never> => untilAborted(new Promise<never>(() => {}), signal);
const spec = { argv: ["true"], env: {}, cwd: "", user: "" };

type Ask = (agent: AgentClient, running: RunningVm, within: AbortSignal) => Promise<unknown>;

/** What is asked of an agent, as each command does. */
const ASKED: Readonly<Record<string, Ask>> = {
  exec: (agent, _vm, signal) => agent.exec(spec, { signal }),
  ssh: (agent, _vm, signal) => agent.info(signal),
  forward: (agent, _vm, signal) => agent.forward({ kind: "tcp", host: "127.0.0.1", port: 1 }, signal),
  stats: (agent, _vm, signal) => agent.stats(signal),
};

async function scene(t: TestContext, connect: (signal: AbortSignal) => Promise<AgentClient>) {
  const { context, vm } = await vmScene(t);
  const { live } = machineOf(vm, {}, (_machine, signal) => connect(signal));
  context.live.set(VM_ID, live);
  t.after(() => live.close());
  return context;
}

for (const [verb, ask] of Object.entries(ASKED)) {
  test(`${verb} of an agent that takes the call and says nothing ends within its limit, and says so`, async (t) => {
    const silent = new Promise<never>(() => {});
    const silently = async function* (): AsyncGenerator<never> {
      yield await silent;
    };
    let greetings = 0;
    await using agent = await lyingAgent({
      // The first is the greeting of a connection.
      info: () => ((greetings += 1) === 1 ? { sshHostKey: "ssh-ed25519 AAAA" } : silent),
      stats: () => silent,
      exec: silently,
      forward: silently,
    });
    const context = await scene(t, () => agent.connect());
    const began = performance.now();
    await assert.rejects(askAgent(context, "box", never, "do it", ask, 200), {
      code: "VM_UNRESPONSIVE",
      what: "the agent in VM box did not do it",
      why: /it was asked, and said nothing within 0\.2 s/,
      fix: /banger vm stop --force box/,
    });
    assert.ok(performance.now() - began < 2_200);
  });
}

test("an agent that cannot be reached is told apart from one that says nothing", async (t) => {
  const context = await scene(t, hang);
  await assert.rejects(
    askAgent(context, "box", never, "do it", () => assert.fail(), 50),
    {
      code: "VM_UNRESPONSIVE",
      what: "the agent in VM box does not answer",
      why: /could not be reached within 0\.05 s/,
    },
  );
});

test("a VM that is in a change is not said to be off, and one whose VMM is silent in it says so", async (t) => {
  const context = await scene(t, hang);
  const vm = context.store.vms.get(VM_ID);
  const ask = () => askAgent(context, "box", never, "do it", () => assert.fail(), 50);
  for (const [state, fix] of [
    ["pausing", /try again when that is done/],
    ["stopping", /try again when that is done/],
    ["paused", /banger vm resume box/],
    ["failed", /banger vm start box/],
  ] as const) {
    putRow(context.store, "vms", { ...vm, state });
    await assert.rejects(ask(), { code: "VM_WRONG_STATE", what: `VM box is ${state}`, fix });
  }
  putRow(context.store, "vms", { ...vm, state: "pausing" });
  noteSilence(context, vm, "vmm");
  await assert.rejects(ask(), { code: "VM_UNRESPONSIVE", fix: /banger vm stop --force box/ });
});

test("a caller that goes away ends its own waiting at once", async (t) => {
  const context = await scene(t, hang);
  const gone = new AbortController();
  const asked = askAgent(context, "box", gone.signal, "do it", () => assert.fail(), 60_000);
  gone.abort();
  await assert.rejects(asked, { name: "AbortError" });
});

test("what the guest refuses is no silence", async (t) => {
  await using agent = await lyingAgent({
    async *exec() {
      yield { message: { case: "rejected" as const, value: { message: "no such user", exitCode: 126 } } };
    },
  });
  const context = await scene(t, () => agent.connect());
  await assert.rejects(
    askAgent(context, "box", never, "start the command", (client, _vm, signal) => client.exec(spec, { signal })),
    { code: "EXEC_FAILED", why: "no such user" },
  );
});
