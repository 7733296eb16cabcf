import assert from "node:assert/strict";
import { test } from "node:test";
import { firecrackerMark } from "./firecracker/machine-plan.ts";
import { isMarked } from "./find-strays.ts";
import { qemuMark } from "./qemu/machine-plan.ts";

test("a Firecracker is known by its id, with a jailer's words between that and its socket, too", () => {
  const ours = (words: readonly string[]): boolean => isMarked(firecrackerMark("vm-1"), words);
  assert.ok(ours(["/bin/firecracker", "--id", "vm-1", "--api-sock", "/run/fc.sock"]));
  const jailed =
    "/firecracker --id vm-1 --start-time-us 12 --start-time-cpu-us 3 --parent-cpu-time-us 1 --api-sock /a.sock";
  assert.ok(ours(jailed.split(" ")));
  assert.ok(!ours(["/bin/firecracker", "--id", "vm-10", "--api-sock", "/run/fc.sock"]));
  assert.ok(!ours(["grep", "--id", "vm-1"]));
  assert.ok(!ours(["firecracker", "--api-sock", "/run/fc.sock"]));
});

test("a QEMU is known by its guest's name", () => {
  const ours = (words: readonly string[]): boolean => isMarked(qemuMark("vm-1"), words);
  assert.ok(ours(["qemu", "-name", "guest=vm-1,debug-threads=on"]));
  assert.ok(!ours(["qemu", "-name", "guest=vm-12"]));
  assert.ok(!ours(["qemu", "guest=vm-1"]));
});
