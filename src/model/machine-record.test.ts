import assert from "node:assert/strict";
import { test } from "node:test";
import { machineRecordSchema } from "./vm.ts";

const process = { version: "7.2.22", accel: "tcg", machine: "microvm", pid: 7, startTicks: 8 } as const;
const line = { kind: "virtio-serial", socketPath: "/run/agent.sock" } as const;
const qemu = {
  vmm: "qemu",
  ...process,
  controlSocket: "/run/qmp.sock",
  consoleSocket: "/run/console.sock",
  consoleLog: "/data/console.log",
  line,
} as const;
const firecracker = {
  vmm: "firecracker",
  ...process,
  accel: "kvm",
  machine: "firecracker",
  controlSocket: "/run/fc.sock",
  consoleInput: "/run/console.fifo",
  consoleLog: "/data/console.log",
  line: { kind: "firecracker-vsock", socketPath: "/run/v.sock", port: 1024 },
} as const;

test("records of the version before, which know no boot of the host, are read as they are", () => {
  assert.deepEqual(machineRecordSchema.parse(qemu), qemu);
  assert.deepEqual(machineRecordSchema.parse(firecracker), firecracker);
});

test("a record has what its VMM has, and no other's", () => {
  const { consoleSocket: _socket, ...silent } = qemu;
  assert.equal(machineRecordSchema.safeParse(silent).success, false);
  assert.equal(machineRecordSchema.safeParse({ ...silent, consoleInput: "/run/console.fifo" }).success, false);
  assert.equal(machineRecordSchema.safeParse({ ...qemu, vmm: "another" }).success, false);
  const known = machineRecordSchema.parse({ ...qemu, bootId: "b" });
  assert.equal(known.bootId, "b");
});
