import assert from "node:assert/strict";
import { test } from "node:test";
import type { VmState } from "../../../model/vm-states.ts";
import { planRebuild, type Told } from "./plan-rebuild.ts";

const machine = {
  vmm: "qemu",
  version: "7.2.0",
  accel: "tcg",
  machine: "microvm",
  pid: 7,
  startTicks: 8,
  controlSocket: "/c",
  consoleSocket: "/o",
  consoleLog: "/l",
  line: { kind: "virtio-serial", socketPath: "/a" },
};

function vm(id: string, name: string, state: VmState, more: object = {}): Told {
  const object = {
    id,
    name,
    createdAt: "2026-01-02T03:04:05Z",
    state,
    image: { id: "img-1", name: "debian" },
    kernel: { id: "krn-1", name: "k" },
    spec: { vcpus: 1, memoryBytes: 2 ** 28, nat: false, env: {}, init: "auto" },
    machineId: "0".repeat(32),
    disks: [],
    network: { mode: "none" },
    timings: { stages: {} },
    ...more,
  };
  return { table: "vms", id, path: `/d/vms/${id}`, object };
}

test("a VM comes back as nobody is at it", () => {
  const told = [
    vm("vm-1", "stopped", "stopped"),
    vm("vm-2", "alive", "starting", { machine }),
    vm("vm-3", "asleep", "resuming", { machine }),
    vm("vm-4", "dead", "stopping", { machine }),
    vm("vm-5", "half", "creating"),
    vm("vm-6", "going", "deleting"),
    vm("vm-7", "begun", "starting"),
    vm("vm-8", "lost", "failed", { failure: { at: "2026-01-02T03:04:05Z", what: "w", consoleTail: "" } }),
  ];
  const { vms, notes } = planRebuild(told, new Set(["vm-2", "vm-3"]));
  assert.deepEqual(
    vms.map(({ name, state, machine: has }) => [name, state, has !== undefined]),
    [
      ["stopped", "stopped", false],
      ["alive", "running", true],
      ["asleep", "paused", true],
      // The daemon that comes next finds that its VMM is gone, and says so.
      ["dead", "running", true],
      ["going", "failed", false],
      ["begun", "stopped", false],
      ["lost", "failed", false],
    ],
  );
  assert.deepEqual(notes, ["VM half is left: it was only being created"]);
});

test("names are told apart, and what does not read is left", () => {
  const told = [
    vm("vm-1", "box", "stopped", { createdAt: "2026-02-02T03:04:05Z" }),
    vm("vm-2", "box", "stopped"),
    vm("vm-3", "box-2", "stopped", { createdAt: "2026-03-02T03:04:05Z" }),
    { ...vm("vm-4", "other", "stopped"), id: "vm-9" },
    { ...vm("vm-5", "worn", "stopped"), object: { of: "tomorrow" } },
    { ...vm("vm-6", "mute", "stopped"), object: undefined, why: "it does not say what it is" },
  ];
  const { vms, notes } = planRebuild(told, new Set());
  assert.deepEqual(
    vms.map(({ id, name }) => [id, name]),
    [
      ["vm-2", "box"],
      ["vm-1", "box-2"],
      ["vm-3", "box-2-2"],
    ],
  );
  assert.equal(notes.length, 5);
  assert.match(notes.join("\n"), /vm-4 is left: it calls itself by another id/);
  assert.match(notes.join("\n"), /vm-6 is left: it does not say what it is/);
});
