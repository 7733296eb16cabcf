import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { untilAborted } from "../../src/lib/deadline.ts";
import { createQemuDriver } from "../../src/vmm/qemu/qemu-driver.ts";
import { needsRoot } from "../helpers/loop-mount.ts";
import { consoleShows, TinyGuest } from "../helpers/tiny-guest.ts";

test("QEMU boots from a block device and writes to it", { skip: needsRoot }, async () => {
  await using guest = await TinyGuest.make();
  const spec = await guest.spec("keep");
  const path = spec.disks[0]?.path ?? "";
  const device = execFileSync("losetup", ["--find", "--show", path], { encoding: "utf8" }).trim();
  try {
    const signal = AbortSignal.timeout(60_000);
    const driver = createQemuDriver({ accel: "tcg" });
    const disks = [{ id: "root", path: device, format: "raw", readOnly: false, node: "block-device" }] as const;
    const machine = guest.own(await driver.start({ ...spec, disks }, signal));
    await consoleShows(spec.consoleLog, /tiny: kept/, 60_000);
    await machine.kill();
    await untilAborted(machine.exited, signal);
  } finally {
    execFileSync("losetup", ["--detach", device]);
  }
  const kept = execFileSync("debugfs", ["-R", "cat /kept", path], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  assert.equal(kept.trim(), "what was written");
});
