import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ProgramGuest, ProgramKernel } from "./program-guest.ts";

/** What a kernel logs as an error though nothing fails. generic-6.12 knows PCI, and its machine (a microvm) has none. */
const KERNEL_SAYS: Readonly<Record<ProgramKernel, string>> = {
  "debian-cloud": "",
  "generic-6.12": "PCI: Fatal: No config space access function found",
};

/** systemd and the journal of a fresh boot; to be run first. */
export function systemPrograms(guest: () => ProgramGuest, kernel: ProgramKernel): void {
  suite("systemd", () => {
    const known = KERNEL_SAYS[kernel];
    const but = known === "" ? "" : ` but "${known}"`;
    test(`has no failed unit, and no error in the journal${but}`, async () => {
      assert.equal(await guest().run("systemctl is-system-running"), "running");
      assert.equal(await guest().run("systemctl list-units --failed --plain --no-legend"), "");
      assert.equal(await guest().run("journalctl -b -p err -q -o cat"), known);
    });

    test("a unit that fails and a line of an error are seen", async () => {
      await guest().run("systemd-run --unit=wrong --wait false || :; logger -p user.err wrong");
      assert.match(await guest().run("systemctl list-units --failed --plain --no-legend"), /^wrong\.service/);
      assert.match(await guest().run("journalctl -b -p err -q -o cat"), /^wrong$/m);
      await guest().run("systemctl reset-failed wrong");
    });

    test("sandboxes services, limits them, and runs timers and sockets", async () => {
      const settings = [
        "DynamicUser=yes",
        "ProtectSystem=strict",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "PrivateNetwork=yes",
      ];
      const more = [
        "SystemCallFilter=@system-service",
        "MemoryDenyWriteExecute=yes",
        "ProtectKernelTunables=yes",
        "PrivateUsers=yes",
      ];
      const flags = [...settings, ...more].map((setting) => `-p ${setting}`).join(" ");
      // Its own network is not in /sys, which stays the guest's.
      const links = "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d [:blank:]";
      const look = `${links}; touch /etc/x 2>&1; ls /tmp | wc -l; ls /dev/vda 2>&1; id -u`;
      const said = await guest().run(`systemd-run --wait --pipe -q ${flags} bash -c '${look}'`);
      assert.match(said, /^lo\ntouch: .*Read-only file system\n0\nls: .*No such file or directory\n6\d{4}$/);
      await assert.rejects(
        guest().run("systemd-run --wait --pipe -q -p IPAddressDeny=any busybox ping -c 1 127.0.0.1"),
      );
      await guest().run("systemd-run --wait --pipe -q busybox ping -c 1 127.0.0.1");
    });
  });
}
