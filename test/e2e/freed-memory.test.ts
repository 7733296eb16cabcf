import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { TestHost } from "../helpers/test-host.ts";
import { busyboxImage } from "../helpers/test-images.ts";
import { genericKernel } from "../helpers/tiny-guest.ts";

const ORDER = "/sys/module/page_reporting/parameters/page_reporting_order";
/** What is used and freed, and what of it must come back at least. */
const USED_MIB = 40;
const BACK_MIB = 25;

suite("memory that a guest frees", { timeout: 1_200_000 }, () => {
  test("comes back to the host, also from a small guest", async (t) => {
    await using host = await TestHost.start();
    await using image = await busyboxImage();
    await host.ok(["kernel", "import", "generic", "--vmlinux", genericKernel()]);
    await host.ok(["image", "pull", image.reference, "--name", "busybox", "--kernel-ref", "generic"]);
    await host.ok(["vm", "create", "--name", "small", "--image", "busybox", "--memory", "128M", "--vcpus", "1"]);
    const { pid } = await host.json<{ pid: number }>(["vm", "inspect", "small"]);
    const sh = (script: string): Promise<string> => host.ok(["vm", "exec", "small", "--", "sh", "-c", script]);
    const use = `dd if=/dev/zero of=/dev/null bs=${USED_MIB}M count=1 2>/dev/null`;

    const order = Number(await sh(`cat ${ORDER}`));
    assert.ok(order <= 4, `the agent left the order at ${order}`);

    // As the kernel has it by itself: nothing comes back, however long one waits.
    await sh(`echo 9 >${ORDER}; ${use}`);
    await setTimeout(8_000);
    const kept = await residentMib(pid);

    await sh(`echo ${order} >${ORDER}; ${use}`);
    let left = await residentMib(pid);
    for (let tries = 60; left > kept - BACK_MIB && tries > 0; tries -= 1) {
      await setTimeout(500);
      left = await residentMib(pid);
    }
    t.diagnostic(`of ${kept.toFixed(0)} MiB, ${left.toFixed(0)} are left`);
    assert.ok(left <= kept - BACK_MIB, `${left} MiB are left of ${kept}`);
    await host.ok(["vm", "delete", "--force", "small"]);
  });
});

async function residentMib(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const kib = /^Rss: +(\d+) kB$/m.exec(rollup)?.[1];
  assert.ok(kib !== undefined, rollup);
  return Number(kib) / 1024;
}
