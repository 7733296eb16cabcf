import assert from "node:assert/strict";
import { test } from "node:test";
import { machineRecordSchema } from "./vm.ts";

const common = {
  vmm: "qemu",
  version: "7.2.22",
  accel: "tcg",
  machine: "microvm",
  pid: 7,
  startTicks: 8,
  controlSocket: "/run/qmp.sock",
  consoleLog: "/data/console.log",
  line: { kind: "virtio-serial", socketPath: "/run/agent.sock" },
} as const;

test("a record is what all drivers know, and what its own alone knows", () => {
  const record = { ...common, bootId: "b", own: { consoleSocket: "/run/console.sock", more: [1, { of: "it" }] } };
  assert.deepEqual(machineRecordSchema.parse(record), record);
  const { controlSocket: _socket, ...lost } = record;
  for (const broken of [lost, { ...record, vmm: "another" }, { ...record, own: "x" }, { ...record, own: null }])
    assert.equal(machineRecordSchema.safeParse(broken).success, false);
});

test("records of the version before, which know no boot of the host and have all in one, are read", () => {
  assert.deepEqual(machineRecordSchema.parse({ ...common, consoleSocket: "/run/console.sock" }), {
    ...common,
    own: { consoleSocket: "/run/console.sock" },
  });
  const firecracker = {
    ...common,
    vmm: "firecracker",
    accel: "kvm",
    machine: "firecracker",
    controlSocket: "/run/fc.sock",
    line: { kind: "firecracker-vsock", socketPath: "/run/v.sock", port: 1024 },
  };
  assert.deepEqual(machineRecordSchema.parse({ ...firecracker, consoleInput: "/run/console.fifo", bootId: "b" }), {
    ...firecracker,
    bootId: "b",
    own: { consoleInput: "/run/console.fifo" },
  });
  for (const broken of [undefined, null, 7, [], "qemu", {}])
    assert.equal(machineRecordSchema.safeParse(broken).success, false);
});
