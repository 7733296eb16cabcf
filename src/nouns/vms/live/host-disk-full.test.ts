import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, gib, mib } from "../../../lib/bytes.ts";
import { hasRoomToGoOn, judgeRoom, mustBeGuarded, type Room } from "./host-disk-full.ts";
import type { VmDisk } from "../../../model/vm.ts";

const room = (freeBytes: number, sizeBytes: number = gib(100)): Room => ({
  freeBytes: bytes(freeBytes),
  sizeBytes: bytes(sizeBytes),
});
const disk = (strategy: VmDisk["strategy"]): VmDisk => ({
  id: "root",
  path: "/vms/root",
  format: "raw",
  strategy,
  sizeBytes: 1,
  device: "/dev/vda",
});

test("a VM is guarded whose VMM does not stop for a full disk, or whose snapshot would be lost by it", () => {
  const stops = { stopsByItself: true, canPause: true };
  assert.ok(!mustBeGuarded({ disks: [disk("qcow2")] }, stops));
  assert.ok(mustBeGuarded({ disks: [disk("reflink")] }, { ...stops, stopsByItself: false }));
  assert.ok(mustBeGuarded({ disks: [disk("reflink"), disk("dm-snapshot")] }, stops));
});

test("a guarded VM is paused before the disk is full, and goes on when there is twice the room", () => {
  assert.equal(judgeRoom(room(mib(600)), false, true, true), "leave");
  assert.equal(judgeRoom(room(mib(500)), false, true, true), "pause");
  assert.equal(judgeRoom(room(mib(500)), false, true, false), "warn", "where it would not come back whole");
  assert.equal(judgeRoom(room(mib(1000)), true, true, true), "leave");
  assert.equal(judgeRoom(room(mib(1100)), true, true, true), "go-on");
  assert.equal(judgeRoom(room(mib(20), mib(200)), false, true, true), "leave", "less is much on a small one");
});

test("another stops by itself, and goes on as soon as there is room", () => {
  assert.equal(judgeRoom(room(0), false, false, true), "leave");
  assert.equal(judgeRoom(room(mib(10)), true, false, true), "leave");
  assert.equal(judgeRoom(room(mib(70)), true, false, true), "go-on");
  assert.ok(hasRoomToGoOn(room(mib(2), mib(64)), false));
});
