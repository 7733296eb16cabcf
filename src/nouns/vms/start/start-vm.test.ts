import type { ServiceImpl } from "@connectrpc/connect";
import assert from "node:assert/strict";
import { setTimeout as after } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import type { AgentService } from "../../../guest/gen/banger/agent/v1/agent_pb.ts";
import { putRow } from "../../../core/testing/put-row.ts";
import { untilAborted } from "../../../lib/deadline.ts";
import type { Driver } from "../../../vmm/driver.ts";
import { startVm } from "./start-vm.ts";
import { stopByForce } from "../stop/stop-in-turn.ts";
import { START_LIMIT, startScene } from "../testing/start-scene.ts";
import { inTurn } from "../live/turns.ts";

const never = new AbortController().signal;
const operation = { signal: never, progress: () => {} };
const silent = new Promise<never>(() => {});
const hang = (signal: AbortSignal): Promise<never> => untilAborted(silent, signal);

/** What an agent may leave without an answer, once it is there. */
const SILENCES: Readonly<Record<string, Partial<ServiceImpl<typeof AgentService>>>> = {
  "its first answer": { info: () => silent },
  "taking its name": { configure: () => silent },
  "growing its disk": { resize: () => silent },
  "starting its command": { startService: () => silent },
};

/** A start in which each of them is asked. */
async function scene(t: TestContext, lies: Partial<ServiceImpl<typeof AgentService>>, start?: Driver["start"]) {
  const info = {
    version: "0",
    abilities: ["service"],
    bootId: "b",
    kernelRelease: "6",
    sshHostKey: "ssh-ed25519 AAAA",
  };
  const made = await startScene(t, { info: () => info, ...lies }, start);
  const config = { env: [], user: "", workingDir: "", entrypoint: [], cmd: [], exposedPorts: [], volumes: [] };
  const images = { get: () => ({ config: { ...config, labels: {} } }), find: () => undefined };
  Object.assign(made.context, { store: { ...made.context.store, images } });
  const spec = { ...made.vm.spec, diskSizeBytes: 2 ** 30, service: { command: ["true"], restart: "no" as const } };
  const vm = { ...made.vm, spec };
  putRow(made.context.store, "vms", vm);
  return { ...made, vm };
}

async function within<T>(seconds: number, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  try {
    return await work();
  } finally {
    const took = (performance.now() - began) / 1000;
    assert.ok(took < seconds + 2, `it took ${took} s`);
  }
}

test("a guest that answers is ready", async (t) => {
  const { context, vm } = await scene(t, {});
  const started = await startVm(context, vm, operation);
  assert.equal(started.state, "running");
});

for (const [what, lies] of Object.entries(SILENCES)) {
  test(`a start whose guest falls silent before ${what} ends within its limit`, async (t) => {
    const { context, vm } = await scene(t, lies);
    await within(START_LIMIT, () =>
      assert.rejects(startVm(context, vm, operation), { code: "VM_START_FAILED", why: /gave up waiting/ }),
    );
    assert.equal(context.store.vms.get(vm.id).state, "failed");
    assert.equal(context.live.size, 0);
  });

  test(`a VMM that is killed before ${what} ends its start at once`, async (t) => {
    const { context, vm, kill } = await scene(t, lies);
    Object.assign(context.config.vm, { start_timeout: 60 });
    const starting = startVm(context, vm, operation);
    starting.catch(() => {});
    await after(300);
    await within(0, async () => {
      kill();
      await assert.rejects(starting, { code: "VM_START_FAILED", why: /QEMU was killed by SIGKILL|cannot be reached/ });
    });
    assert.equal(context.store.vms.get(vm.id).state, "failed");
  });
}

test("a start whose VMM says nothing ends within its limit", async (t) => {
  const { context, vm } = await scene(t, {}, (_spec, signal) => hang(signal));
  await within(START_LIMIT, () =>
    assert.rejects(startVm(context, vm, operation), { code: "VM_START_FAILED", what: /stage "vmm"/ }),
  );
  assert.equal(context.store.vms.get(vm.id).state, "failed");
});

test("force ends a start whose VMM says nothing", async (t) => {
  const { context, vm } = await scene(t, {}, (_spec, signal) => hang(signal));
  Object.assign(context.config.vm, { start_timeout: 60 });
  const starting = inTurn(context, vm.id, never, (now, signal) => startVm(context, now, { ...operation, signal }));
  starting.catch(() => {});
  while (context.store.vms.get(vm.id).state !== "starting") await after(10);
  const options = { timeoutMs: 0, force: true };
  const stopped = await within(0, () => stopByForce(context, vm.id, options, operation));
  assert.equal(stopped.state, "stopped");
  await assert.rejects(starting, { code: "CANCELLED" });
});
