import assert from "node:assert/strict";
import { test } from "node:test";
import { machineRecordSchema } from "../model/vm.ts";
import { createFirecrackerDriver } from "./firecracker/firecracker-driver.ts";
import { firecrackerOwnSchema } from "./firecracker/firecracker-record.ts";
import { readOwnRecord } from "./own-record.ts";
import { createQemuDriver } from "./qemu/qemu-driver.ts";
import { qemuOwnSchema } from "./qemu/qemu-record.ts";

/** As the first banger that kept it wrote it. */
const QEMU_ROW = {
  vmm: "qemu",
  version: "7.2.19",
  accel: "tcg",
  machine: "microvm",
  pid: 7,
  startTicks: 8,
  controlSocket: "/run/qmp.sock",
  consoleSocket: "/run/console.sock",
  consoleLog: "/vms/console.log",
  line: { kind: "virtio-serial", socketPath: "/run/agent.sock" },
};
const FIRECRACKER_ROW = {
  vmm: "firecracker",
  version: "1.15.1",
  accel: "kvm",
  machine: "firecracker",
  pid: 7,
  startTicks: 8,
  bootId: "b",
  controlSocket: "/run/fc.sock",
  consoleInput: "/run/console.fifo",
  consoleLog: "/vms/console.log",
  line: { kind: "firecracker-vsock", socketPath: "/run/v.sock", port: 1024 },
};

test("each driver reads its part of a row that an older banger wrote", () => {
  const qemu = readOwnRecord("qemu", qemuOwnSchema, machineRecordSchema.parse(QEMU_ROW));
  assert.deepEqual([qemu.pid, qemu.own], [7, { consoleSocket: "/run/console.sock" }]);
  const firecracker = readOwnRecord("firecracker", firecrackerOwnSchema, machineRecordSchema.parse(FIRECRACKER_ROW));
  assert.deepEqual([firecracker.bootId, firecracker.own], ["b", { consoleInput: "/run/console.fifo" }]);
});

test("a part that is lost or of another kind is refused with the process that it is of, and another driver's record too", async () => {
  const { consoleSocket: _socket, ...silent } = QEMU_ROW;
  const broken = { code: "RECORD_BROKEN", what: /pid 7/, why: /^consoleSocket: / };
  for (const own of [{}, { consoleSocket: 7 }, { consoleInput: "/run/console.fifo" }]) {
    const record = machineRecordSchema.parse({ ...silent, own });
    assert.throws(() => readOwnRecord("qemu", qemuOwnSchema, record), broken);
    await assert.rejects(createQemuDriver({ accel: "tcg" }).attach(record, AbortSignal.timeout(5_000)), broken);
  }
  const another = { code: "INTERNAL", what: /another driver/, fix: /7 was not touched/ };
  const attachments = [
    createQemuDriver({ accel: "tcg" }).attach(machineRecordSchema.parse(FIRECRACKER_ROW), AbortSignal.timeout(5_000)),
    createFirecrackerDriver({}).attach(machineRecordSchema.parse(QEMU_ROW), AbortSignal.timeout(5_000)),
  ];
  for (const attached of attachments) await assert.rejects(attached, another);
});
