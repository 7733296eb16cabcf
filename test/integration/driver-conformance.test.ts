import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { createQemuDriver } from "../../src/vmm/qemu/qemu-driver.ts";
import { TinyGuest } from "../helpers/tiny-guest.ts";
import { driverConformance } from "./driver-conformance.ts";

driverConformance({
  name: "QEMU, TCG",
  driver: () => createQemuDriver({ accel: "tcg" }),
  startAndDie: join(import.meta.dirname, "../helpers/start-and-die.ts"),
});

test("without QEMU the package is named", async () => {
  await using guest = await TinyGuest.make();
  const driver = createQemuDriver({ accel: "tcg", searchPath: "/nonexistent" });
  await assert.rejects(driver.start(await guest.spec("look"), AbortSignal.timeout(5_000)), {
    code: "TOOL_MISSING",
    fix: /qemu-system-x86|qemu/,
  });
});
