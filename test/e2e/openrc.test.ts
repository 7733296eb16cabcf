import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { AGENT_OPENRC_SERVICE } from "../../src/nouns/vms/first-boot/openrc-service.ts";
import { withFiles } from "../helpers/image-with-files.ts";
import { debianImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";
import { genericKernel } from "../helpers/tiny-guest.ts";

/** What Alpine's inittab says, without its screens. */
const INITTAB = `::sysinit:/sbin/openrc sysinit
::sysinit:/sbin/openrc boot
::wait:/sbin/openrc default
::ctrlaltdel:/sbin/reboot
::shutdown:/sbin/openrc shutdown
`;

const busybox = { from: "/bin/busybox" };

/** Debian's OpenRC under busybox's init, which is how Alpine boots; Alpine's own mirror is too far for a test. */
suite("a VM of an image with OpenRC", { timeout: 600_000 }, () => {
  test("is handed over to it by --init systemd, answers from a service of it, and ends by its own means", async () => {
    await using image = await withFiles(await debianImage("bookworm", ["openrc"]), {
      "etc/inittab": INITTAB,
      "etc/init.d/banger-vsock-agent": AGENT_OPENRC_SERVICE,
      "etc/runlevels/sysinit/banger-vsock-agent": "",
      "usr/sbin/init": busybox,
      "usr/sbin/reboot": busybox,
      "usr/sbin/poweroff": busybox,
    });
    await using host = await TestHost.start();
    await host.ok(["kernel", "import", "generic-6.12", "--vmlinux", genericKernel()]);
    const reference = `oci:${image.layout}:${image.tag}`;
    await host.ok(["image", "pull", reference, "--name", "openrc", "--kernel-ref", "generic-6.12"]);
    const { system } = await host.json<{ system: { init: string } }>(["image", "inspect", "openrc"]);
    assert.equal(system.init, "openrc");

    await host.ok(["vm", "create", "--name", "rc", "--image", "openrc", "--init", "systemd"]);
    const inGuest = (script: string): Promise<string> => host.ok(["vm", "exec", "rc", "--", "sh", "-c", script]);
    assert.equal((await inGuest("cat /proc/1/comm")).trim(), "init");
    // The agent may answer before OpenRC has written down that it runs.
    const settled = "for i in $(seq 100); do rc-status sysinit | grep -q 'agent.*starting' || break; sleep 0.1; done";
    assert.match(await inGuest(`${settled}; rc-status sysinit`), /banger-vsock-agent\s+\[\s*started/);
    assert.match(await inGuest("cat /proc/[0-9]*/comm 2>/dev/null || true"), /^supervise-daemo$/m);
    const stopped = await host.banger(["vm", "stop", "rc"]);
    assert.match(stopped.stderr, /the guest shut down/);

    // By default such an image has the agent as PID 1, like any without systemd.
    await host.ok(["vm", "create", "--name", "auto", "--image", "openrc"]);
    assert.match(await host.ok(["vm", "exec", "auto", "--", "cat", "/proc/1/comm"]), /^banger/);
  });
});
