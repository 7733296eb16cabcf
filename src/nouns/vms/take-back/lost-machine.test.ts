import assert from "node:assert/strict";
import { access, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { putRow } from "../../../core/testing/put-row.ts";
import { vmSchema } from "../../../model/vm.ts";
import { recover } from "../../../core/recover.ts";
import { agentConnector } from "../guest/agent-connection.ts";
import { liveVm } from "../live/live-vms.ts";
import { pauseVm, resumeVm } from "../pause/pause-vm.ts";
import { endMachine, noteExit, stopVm, VM_STOP } from "../stop/stop-vm.ts";
import { takeBackAll } from "./take-back.ts";
import { machineOf, VM_ID, vmScene } from "../testing/vm-scene.ts";
import { vmVerbs } from "../vm-verbs.ts";
import { vmSettlers } from "../settle-vms.ts";
import { noteEnded, settleVmNetworks } from "./look-back.ts";
import type { VmContext } from "../vm-context.ts";

/** What a daemon does with VMs at its start. */
async function recoverVms(context: VmContext): Promise<string[]> {
  const before = context.store.vms.list();
  return recover({ ...context, store: context.store as never }, [
    {
      settlers: vmSettlers(context),
      lookBack: async (told) => {
        for (const vm of before) await noteEnded(context, vm, told);
      },
      tidy: (told) => settleVmNetworks(context, before, told),
    },
  ]);
}

const never = new AbortController().signal;
const operation = { signal: never, progress: () => {} };

test("a VMM that lives and does not answer keeps no daemon from starting, and is not taken for gone", async (t) => {
  const { context, vmm, gone, vm, settled } = await vmScene(t);
  const ending = new AbortController();
  t.after(() => ending.abort());
  const told = await recoverVms(context);
  await takeBackAll(context, told, ending.signal);
  assert.match(told.join("\n"), /VM box: its VMM, pid \d+, lives and does not answer; `banger vm stop --force box`/);
  assert.equal(vmm.exitCode ?? vmm.signalCode, null);
  assert.equal(context.store.vms.get(VM_ID).state, "running");
  assert.deepEqual(
    settled.map(({ alive }) => alive),
    [new Set([VM_ID])],
  );
  const stopped = await stopVm(context, vm, { timeoutMs: 1, force: true }, operation);
  await gone;
  assert.deepEqual([stopped.state, stopped.machine], ["stopped", undefined]);
});

for (const [asked, state, cause] of [
  ["its stop was begun", "stopped", "stop"],
  ["nobody had asked for that", "failed", "unseen"],
] as const) {
  test(`a VM whose VMM ended while no daemon ran, and ${asked}: ${state}`, async (t) => {
    const { context, vmm, gone } = await vmScene(t);
    if (state === "stopped") context.store.intents.begin(VM_STOP, VM_ID);
    vmm.kill("SIGKILL");
    await gone;
    const told = await recoverVms(context);
    const vm = context.store.vms.get(VM_ID);
    assert.deepEqual([vm.state, vm.lastStop?.cause, vm.failure === undefined], [state, cause, state === "stopped"]);
    assert.equal(/was being stopped when the daemon died/.test(told.join("\n")), state === "stopped");
    assert.deepEqual(context.store.intents.open(), []);
  });
}

test("a VM whose sockets were removed while no daemon ran says so with the way out, and that way works", async (t) => {
  const { context, vm, gone } = await vmScene(t);
  assert.ok(vm.machine);
  // Where an earlier daemon had it: in the folder of a session that is over.
  const earlier = join(context.layout.otherRunDir, VM_ID);
  await mkdir(earlier, { recursive: true });
  const line = { kind: "virtio-serial", socketPath: join(earlier, "agent.sock") } as const;
  const machine = { ...vm.machine, controlSocket: join(earlier, "qmp.sock"), line };
  putRow(context.store, "vms", { ...vm, machine });
  await recoverVms(context);
  const vms = vmVerbs(context);
  const told = { code: "VM_WRONG_STATE", why: /socket was removed/, fix: /banger vm stop --force box`, then start/ };
  const start = { argv: ["true"], env: {}, cwd: "/", user: "" } as unknown as Parameters<typeof vms.exec>[1];
  await assert.rejects(vms.exec("box", start, never), told);
  await assert.rejects(vms.start("box", operation), told);
  await vms.stop("box", { timeoutMs: 1, force: false }, operation);
  await gone;
  assert.equal(context.store.vms.get(VM_ID).state, "stopped");
  await assert.rejects(access(earlier), { code: "ENOENT" });
});

test("a VM whose sockets are removed under its daemon: who needs a new line hears of it at once", async (t) => {
  const { vm, runDir } = await vmScene(t);
  await rm(runDir, { recursive: true });
  assert.ok(vm.machine);
  const live = liveVm(
    machineOf(vm, { line: vm.machine.line }).live.machine,
    agentConnector({ agentPath: "/nonexistent" }),
  );
  const told = { code: "AGENT_UNREACHABLE", why: /its socket was removed/, fix: /vm stop --force/ };
  await assert.rejects(live.agent(never), told);
});

test("a VM whose record cannot be read is told of, and its files stay", async (t) => {
  const { context, vmm, vm, runDir, settled } = await vmScene(t);
  const network = { mode: "tap", device: "bng0", address: "10.0.0.2/30", gateway: "10.0.0.1", dns: ["10.0.0.1"] };
  const onHost = vmSchema.shape.network.parse({ ...network, mac: "02:00:00:00:00:01", mtu: 1500, via: "nftables" });
  putRow(context.store, "vms", { ...vm, createdAt: "long ago", network: onHost });
  const disks = join(context.layout.vmsDir, VM_ID);
  await mkdir(disks, { recursive: true });
  assert.match((await recoverVms(context)).join("\n"), /vm-0123456789abcdef: its record cannot be read/);
  assert.equal(vmm.exitCode ?? vmm.signalCode, null);
  for (const path of [disks, runDir]) await access(path);
  assert.deepEqual(settled.at(-1)?.alive, new Set([VM_ID]), "whether it runs is not known, so it keeps its network");
  assert.deepEqual(
    settled.at(-1)?.vms.map(({ network: has }) => has),
    [onHost],
  );
});

test("a VM of whose record not even the network reads keeps the processes of it", async (t) => {
  const { context, vm, settled } = await vmScene(t);
  putRow(context.store, "vms", { ...vm, network: { mode: "of tomorrow" } });
  await recoverVms(context);
  assert.deepEqual(settled, [{ vms: [], alive: new Set([VM_ID]) }]);
});

test("who gets the process id of a VMM that is gone is left alone", async (t) => {
  const { context, vmm, vm } = await vmScene(t);
  assert.ok(vm.machine);
  putRow(context.store, "vms", { ...vm, machine: { ...vm.machine, startTicks: vm.machine.startTicks - 1 } });
  await endMachine(context, VM_ID);
  assert.equal(vmm.exitCode ?? vmm.signalCode, null);
});

test("the end of a machine is settled in its VM's turn, and takes nothing from the next one", async (t) => {
  const { context, vm, runDir } = await vmScene(t);
  const first = machineOf(vm);
  const second = machineOf(vm);
  context.live.set(VM_ID, first.live);
  noteExit(context, VM_ID, first.live.machine);
  await context.queue.run(VM_ID, never, async () => {
    first.exit.resolve({ clean: false, by: "vmm", reason: "killed" });
    await turn();
    assert.ok(first.live.lifetime.aborted, "who waits for its agent is told at once");
    assert.equal(context.store.vms.get(VM_ID).state, "running");
    context.live.set(VM_ID, second.live);
  });
  await context.queue.run(VM_ID, never, async () => {});
  assert.equal(context.live.get(VM_ID), second.live);
  await access(runDir);

  noteExit(context, VM_ID, second.live.machine);
  second.exit.resolve({ clean: false, by: "vmm", reason: "killed" });
  await turn();
  await context.queue.run(VM_ID, never, async () => {});
  const { state, failure, machine } = context.store.vms.get(VM_ID);
  assert.deepEqual([state, failure?.what, machine], ["failed", "killed", undefined]);
  await assert.rejects(access(runDir), { code: "ENOENT" });
});

test("a pause or a resumption that its asker gives up leaves the VM in the state that it is in", async (t) => {
  const { context, vm } = await vmScene(t);
  const giveUp = new AbortController();
  const refuse = async (signal: AbortSignal): Promise<void> => {
    giveUp.abort();
    signal.throwIfAborted();
  };
  const asked = { ...operation, signal: giveUp.signal };
  const isPaused = async (signal: AbortSignal): Promise<boolean> => {
    signal.throwIfAborted();
    return context.store.vms.get(VM_ID).state === "resuming";
  };
  const { live } = machineOf(vm, { pause: refuse, resume: refuse, isPaused });
  context.live.set(VM_ID, live);
  await assert.rejects(pauseVm(context, vm, asked));
  assert.equal(context.store.vms.get(VM_ID).state, "running");
  putRow(context.store, "vms", { ...vm, state: "paused" });
  await assert.rejects(resumeVm(context, context.store.vms.get(VM_ID), asked));
  assert.equal(context.store.vms.get(VM_ID).state, "paused");
});

test("a VM whose VMM cannot say whether it is paused can be stopped all the same", async (t) => {
  const { context, vm } = await vmScene(t);
  const { live, exit } = machineOf(vm, {
    isPaused: () => {
      exit.resolve({ clean: true, by: "shutdown", reason: "powered off" });
      return Promise.reject(new Error("gone"));
    },
    kill: async () => {},
  });
  context.live.set(VM_ID, live);
  const stopped = await stopVm(context, { ...vm, state: "pausing" }, { timeoutMs: 60_000, force: false }, operation);
  assert.equal(stopped.state, "stopped");
});
