import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { pino } from "pino";
import type { AgentClient } from "../../../guest/agent-client.ts";
import { untilAborted } from "../../../lib/deadline.ts";
import { keyedQueue } from "../../../lib/keyed-queue.ts";
import { identifyProcess } from "../../../lib/process-identity.ts";
import { layoutFrom, vmRunDir } from "../../../model/layout.ts";
import { vmSchema, type Vm, type VmOnNetwork } from "../../../model/vm.ts";
import { openStore } from "../../store.ts";
import type { Machine, MachineExit } from "../../../vmm/driver.ts";
import { createQemuDriver } from "../../../vmm/qemu/qemu-driver.ts";
import { liveVm } from "../live/live-vms.ts";
import type { VmContext } from "../vm-context.ts";

export const VM_ID = "vm-0123456789abcdef";

/** A running VM's row beside a process that stands for its VMM and says nothing to anybody. */
export async function vmScene(t: TestContext) {
  const home = await mkdtemp(join(tmpdir(), "lost-"));
  const layout = layoutFrom({ HOME: home, XDG_RUNTIME_DIR: home });
  await mkdir(layout.stateDir, { recursive: true });
  const store = openStore(layout.database);
  const vmm = spawn("sleep", ["600"], { stdio: "ignore" });
  const gone = once(vmm, "exit");
  t.after(async () => {
    vmm.kill("SIGKILL");
    store[Symbol.dispose]();
    // What was cancelled may still be at work there for a moment, as ssh-keygen.
    await rm(home, { recursive: true, maxRetries: 10, retryDelay: 50 });
  });
  const identity = await identifyProcess(vmm.pid ?? 0);
  assert.ok(identity);
  const runDir = vmRunDir(layout, VM_ID);
  await mkdir(runDir, { recursive: true });
  const vm = vmSchema.parse({
    id: VM_ID,
    name: "box",
    createdAt: "2026-01-02T03:04:05Z",
    state: "running",
    image: { id: "img-0123456789abcdef", name: "debian" },
    kernel: { id: "krn-0123456789abcdef", name: "k" },
    spec: { vcpus: 1, memoryBytes: 2 ** 28, nat: false, env: {}, init: "auto" },
    machineId: "0".repeat(32),
    disks: [],
    network: { mode: "none" },
    timings: { stages: {} },
    machine: {
      vmm: "qemu",
      version: "7.2.0",
      accel: "tcg",
      machine: "microvm",
      ...identity,
      controlSocket: join(runDir, "qmp.sock"),
      consoleLog: join(runDir, "console.log"),
      line: { kind: "virtio-serial", socketPath: join(runDir, "agent.sock") },
      own: { consoleSocket: join(runDir, "console.sock") },
    },
  });
  store.vms.insert(vm);
  const settled: { vms: readonly VmOnNetwork[]; alive: ReadonlySet<string> }[] = [];
  const context = {
    layout,
    store,
    log: pino({ level: "silent" }),
    drivers: { of: async () => createQemuDriver({ accel: "tcg" }), all: async () => [] },
    networks: {
      lower: async () => {},
      settle: async (vms: readonly VmOnNetwork[], alive: ReadonlySet<string>) => {
        settled.push({ vms, alive });
        return [];
      },
    },
    queue: keyedQueue(),
    live: new Map(),
    silent: new Map(),
    deleting: new Map(),
    attaching: new Map(),
    hostClock: new EventEmitter(),
  } as unknown as VmContext;
  return { context, vm, vmm, gone, runDir, settled };
}

/** A machine that does what it is told here; it has no agent unless one is given. */
export function machineOf(
  vm: Vm,
  verbs: Partial<Machine> = {},
  connect: (machine: Machine, signal: AbortSignal) => Promise<AgentClient> = () =>
    Promise.reject(new Error("no agent")),
): { readonly exit: PromiseWithResolvers<MachineExit>; readonly live: ReturnType<typeof liveVm> } {
  const exit = Promise.withResolvers<MachineExit>();
  const machine = {
    record: vm.machine,
    exited: exit.promise,
    isPaused: async () => false,
    release() {},
    ...verbs,
  } as Machine;
  return { exit, live: liveVm(machine, connect) };
}

/** Waits until the signal aborts. */
export const hang = (signal: AbortSignal): Promise<never> => untilAborted(new Promise<never>(() => {}), signal);

/** A machine whose VMM and guest say nothing; it can be killed. @param noteKill is told the grace time of each kill. */
export function silentMachine(vm: Vm, noteKill: (graceMs: number | undefined) => void = () => {}) {
  const machine = machineOf(
    vm,
    {
      isPaused: hang,
      requestShutdown: hang,
      async kill(graceMs) {
        noteKill(graceMs);
        machine.exit.resolve({ clean: false, by: "vmm", reason: "killed" });
      },
    },
    (_machine, signal) => hang(signal),
  );
  return machine;
}
