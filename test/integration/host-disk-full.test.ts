import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { putRow } from "../../src/core/testing/put-row.ts";
import { pino } from "pino";
import { mib } from "../../src/lib/bytes.ts";
import { keyedQueue } from "../../src/lib/keyed-queue.ts";
import { layoutFrom } from "../../src/model/layout.ts";
import { vmSchema, type Vm } from "../../src/model/vm.ts";
import { followHostDisk } from "../../src/nouns/vms/pause/follow-host-disk.ts";
import { diskManners } from "../../src/nouns/vms/live/host-disk-full.ts";
import { liveVm, type LiveVm } from "../../src/nouns/vms/live/live-vms.ts";
import { resumeVm, trySettlePaused } from "../../src/nouns/vms/pause/pause-vm.ts";
import { vmVerbs } from "../../src/nouns/vms/vm-verbs.ts";
import type { VmContext } from "../../src/nouns/vms/vm-context.ts";
import { openStore } from "../../src/nouns/store.ts";
import type { Machine, MachineSpec } from "../../src/vmm/driver.ts";
import { createQemuDriver } from "../../src/vmm/qemu/qemu-driver.ts";
import { consoleShows, TinyGuest } from "../helpers/tiny-guest.ts";

const ID = "vm-0123456789abcdef";
const limit = (): AbortSignal => AbortSignal.timeout(60_000);
const operation = (): { signal: AbortSignal; progress: () => void } => ({ signal: limit(), progress: () => {} });
/** Where the guest's work disk lies: it is to write twice as much. */
const ROOM = mib(8);

/** A real guest that writes to a disk for which the host has no room; its agent does not run. */
test("a guest for whose writes the host has no room is paused with the reason, and goes on when there is some", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("a file system of a size of our own takes root");
  await using guest = await TinyGuest.make();
  const small = await smallDisk(t);
  const path = join(small.folder, "work.raw");
  await writeFile(path, "");
  await truncate(path, mib(32));
  const plain = await guest.spec("fill");
  const spec: MachineSpec = { ...plain, disks: [...plain.disks, { id: "work", path, format: "raw", readOnly: false }] };
  const machine = guest.own(await createQemuDriver({ accel: "tcg" }).start(spec, limit()));
  const { context, takeBack } = await daemon(t, machine, path);

  takeBack(machine);
  const full = await until(context, ({ state }) => state === "paused");
  assert.equal(full.pausedBecause?.kind, "host-disk-full");
  assert.deepEqual([full.pausedBecause.disk, full.pausedBecause.path], ["work", path]);
  assert.ok(await machine.isPaused(limit()));
  assert.equal(await machine.ownStops?.forDisk(limit()), "work");
  const told = { code: "DISK_FULL", what: /VM box is paused, because the host's disk is full/, fix: /make room/ };
  const exec = vmVerbs(context).exec("box", { argv: ["true"], env: {} } as never, limit());
  await assert.rejects(exec, told, "who wants something of it is told at once");
  await assert.rejects(resumeVm(context, full, operation()), { ...told, why: /free now/ });
  assert.ok(await machine.isPaused(limit()));

  // Another daemon, which died before it wrote the reason down.
  machine.release();
  await context.live.get(ID)?.close();
  const { pausedBecause: _because, ...unaware } = full;
  putRow(context.store, "vms", { ...unaware, state: "running" });
  const again = await createQemuDriver({ accel: "tcg" }).attach(machine.record, limit());
  assert.ok(again);
  guest.own(again);
  takeBack(again);
  await trySettlePaused(context, ID);
  const { kind, disk } = { disk: undefined, kind: undefined, ...context.store.vms.get(ID).pausedBecause };
  assert.deepEqual([kind, disk], ["host-disk-full", "work"], "QEMU knows it still");

  small.grow();
  await consoleShows(spec.consoleLog, /tiny: filled/);
  const running = await until(context, ({ state }) => state === "running");
  assert.equal(running.pausedBecause, undefined);
});

/** A file system in memory that is too small, and a way to make it larger. */
async function smallDisk(t: TestContext): Promise<{ readonly folder: string; grow(): void }> {
  const folder = await mkdtemp(join(tmpdir(), "full-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${ROOM}`, "tmpfs", folder]);
  t.after(async () => {
    execFileSync("umount", ["--lazy", folder]);
    await rm(folder, { recursive: true });
  });
  return { folder, grow: () => void execFileSync("mount", ["-o", `remount,size=${8 * ROOM}`, folder]) };
}

/** As much of a daemon as follows a machine. */
async function daemon(t: TestContext, machine: Machine, path: string) {
  const home = await mkdtemp(join(tmpdir(), "daemon-"));
  const layout = layoutFrom({ HOME: home, XDG_RUNTIME_DIR: home });
  await mkdir(layout.stateDir, { recursive: true });
  const store = openStore(layout.database);
  const driver = createQemuDriver({ accel: "tcg" });
  const context = {
    layout,
    store,
    log: pino({ level: "silent" }),
    drivers: { of: async () => driver },
    queue: keyedQueue(),
    live: new Map<string, LiveVm>(),
    silent: new Map(),
    attaching: new Map(),
    hostClock: new EventEmitter(),
  } as unknown as VmContext;
  store.vms.insert(
    vmSchema.parse({
      id: ID,
      name: "box",
      createdAt: "2026-01-02T03:04:05Z",
      state: "running",
      image: { id: "img-0123456789abcdef", name: "tiny" },
      kernel: { id: "krn-0123456789abcdef", name: "k" },
      spec: { vcpus: 1, memoryBytes: mib(128), nat: false, env: {}, init: "auto" },
      machineId: "0".repeat(32),
      disks: [{ id: "work", path, format: "raw", strategy: "empty", sizeBytes: mib(32), device: "/dev/vdb" }],
      network: { mode: "none" },
      timings: { stages: {} },
      machine: machine.record,
    }),
  );
  assert.deepEqual(diskManners(machine), { stopsByItself: true, canPause: true });
  t.after(async () => {
    await context.live.get(ID)?.close();
    store[Symbol.dispose]();
    await rm(home, { recursive: true });
  });
  const takeBack = (of: Machine): void => {
    const live = liveVm(of, () => Promise.reject(new Error("this guest has no agent")));
    context.live.set(ID, live);
    followHostDisk(context, ID, live);
  };
  return { context, takeBack };
}

async function until(context: VmContext, holds: (vm: Vm) => boolean): Promise<Vm> {
  const deadline = limit();
  for (;;) {
    const vm = context.store.vms.get(ID);
    if (holds(vm)) return vm;
    await after(20, undefined, { signal: deadline });
  }
}
