import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { busyboxImage } from "../helpers/test-images.ts";
import { ROOT, TestHost } from "../helpers/test-host.ts";

const exec = promisify(execFile);

/** Our own kernel has all it needs built in: no initrd, no firmware, no PCI. The first time it is built, for minutes. */
async function genericKernel(): Promise<string> {
  const { stdout } = await exec(join(ROOT, "scripts", "make-generic-kernel.sh"), [], { maxBuffer: 2 ** 26 });
  return stdout.trim().split("\n").at(-1) ?? "";
}

suite("a VM that boots straight into its root disk", { timeout: 3_000_000 }, () => {
  test("comes up in a microvm, from an imported vmlinux without initrd", async () => {
    const vmlinux = await genericKernel();
    await using host = await TestHost.start();
    await using image = await busyboxImage();
    await host.ok(["kernel", "import", "generic", "--vmlinux", vmlinux]);
    const kernel = await host.json<{ release: string; abilities: { pvh: boolean; virtioMmioCmdline: boolean } }>([
      "kernel",
      "inspect",
      "generic",
    ]);
    assert.equal(kernel.abilities.pvh, true);
    assert.equal(kernel.abilities.virtioMmioCmdline, true);
    await host.ok(["image", "pull", image.reference, "--name", "busybox", "--kernel-ref", "generic"]);
    await host.ok(["vm", "create", "--name", "direct", "--image", "busybox", "--memory", "256M", "--nat"]);
    const vm = await host.json<{ machine: { machine: string }; network: { address: string } }>([
      "vm",
      "inspect",
      "direct",
    ]);
    assert.equal(vm.machine.machine, "microvm");
    assert.equal((await host.ok(["vm", "exec", "direct", "--", "uname", "-r"])).trim(), kernel.release);
    const shown = await host.ok(["vm", "exec", "direct", "--", "ip", "addr", "show", "eth0"]);
    assert.ok(shown.includes(`inet ${vm.network.address} `), shown);
    assert.match(await host.ok(["vm", "ssh", "direct", "--", "id"]), /uid=0/);
    await host.ok(["vm", "exec", "direct", "--user", "user", "--", "sh", "-c", "exec 3<>/dev/net/tun 4<>/dev/fuse"]);
    // A microvm has no switch: its poweroff is a reset too, and no reboot.
    await host.banger(["vm", "exec", "direct", "--", "busybox", "reboot"]);
    await untilVm(host, ({ state, reboots }) => state === "running" && reboots?.count === 1);
    await host.banger(["vm", "exec", "direct", "--", "busybox", "poweroff"]);
    const off = await untilVm(host, ({ state }) => state === "stopped");
    assert.equal(off.lastStop?.cause, "guest-shutdown");
    await host.ok(["vm", "start", "direct"]);
    await host.ok(["vm", "stop", "direct"]);
    await host.ok(["vm", "delete", "direct"]);
  });
});

interface Told {
  readonly state: string;
  readonly reboots?: { readonly count: number };
  readonly lastStop?: { readonly cause: string };
}

async function untilVm(host: TestHost, holds: (vm: Told) => boolean): Promise<Told> {
  for (let left = 120; ; left -= 1) {
    const vm = await host.json<Told>(["vm", "inspect", "direct"]);
    if (holds(vm)) return vm;
    assert.ok(left > 0, JSON.stringify(vm));
    await setTimeout(500);
  }
}
