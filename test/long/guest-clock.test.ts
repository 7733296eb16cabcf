import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { clockError } from "../helpers/guest-clock.ts";
import { ROOT, TestHost } from "../helpers/test-host.ts";
import { busyboxImage } from "../helpers/test-images.ts";

const exec = promisify(execFile);
const MINUTES = Number(process.env["BANGER_CLOCK_MINUTES"] ?? 10);

suite("a guest's clock under load", { timeout: 3_600_000 }, () => {
  test(`is within 100 ms of the host's for ${MINUTES} minutes, on two busy processors`, async (t) => {
    const { stdout } = await exec(join(ROOT, "scripts", "make-generic-kernel.sh"), [], { maxBuffer: 2 ** 26 });
    await using host = await TestHost.start();
    await using image = await busyboxImage();
    await host.ok(["kernel", "import", "generic", "--vmlinux", stdout.trim().split("\n").at(-1) ?? ""]);
    await host.ok(["image", "pull", image.reference, "--name", "busybox", "--kernel-ref", "generic"]);
    await host.ok(["vm", "create", "--name", "busy", "--image", "busybox", "--memory", "256M", "--vcpus", "2"]);
    const load =
      "for n in 1 2; do (while :; do dd if=/dev/zero bs=65536 count=16 | sha256sum; done >/dev/null 2>&1 &) done";
    await host.ok(["vm", "exec", "busy", "--", "sh", "-c", load]);
    const errors: number[] = [];
    for (const end = Date.now() + MINUTES * 60_000; Date.now() < end;) {
      errors.push(await clockError(host, "busy"));
      await setTimeout(2_000);
    }
    const worst = Math.max(...errors);
    t.diagnostic(`${errors.length} readings, at worst ${worst.toFixed(1)} ms off`);
    assert.ok(worst <= 100, `off by ${worst} ms`);
    await host.ok(["vm", "delete", "--force", "busy"]);
  });
});
