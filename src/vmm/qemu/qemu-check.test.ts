import assert from "node:assert/strict";
import { test } from "node:test";
import { describeVersion, qemuCheck } from "./qemu-check.ts";

test("QEMU's version: old ones are told, strangers fail", () => {
  assert.equal(describeVersion("/q", "QEMU emulator version 7.2.22 (Debian 1:7.2)").result, "ok");
  assert.equal(describeVersion("/q", "QEMU emulator version 10.0.2").result, "ok");
  assert.equal(describeVersion("/q", "QEMU emulator version 6.2.0").result, "warn");
  assert.equal(describeVersion("/q", "hello").result, "fail");
});

test("QEMU that is not there fails what no VM can do without, and the package is named", async () => {
  const check = qemuCheck({ searchPath: "/nonexistent" });
  const { result, summary, fix } = await check.look(AbortSignal.timeout(5_000));
  assert.deepEqual([check.essential, result, summary], [true, "fail", "qemu-system-x86_64 is not in PATH"]);
  assert.match(fix ?? "", /qemu/);
  const configured = await qemuCheck({ qemuBin: "/nonexistent/qemu" }).look(AbortSignal.timeout(5_000));
  assert.match(configured.fix ?? "", /qemu_bin/);
});
