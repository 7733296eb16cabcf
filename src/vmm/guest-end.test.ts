import assert from "node:assert/strict";
import { test } from "node:test";
import { endInWords, guestEnd } from "./guest-end.ts";

test("the kernel's last words tell a reboot, a poweroff, a halt and a panic apart", () => {
  assert.equal(guestEnd("[    9.1] reboot: Restarting system\r\n")?.by, "reboot");
  assert.equal(guestEnd("[    9.1] reboot: Restarting system with command 'kernel-upgrade'\r\n")?.by, "reboot");
  assert.equal(guestEnd("[    9.1] reboot: Restarting system with command 'banger-poweroff'\r\n")?.by, "shutdown");
  assert.equal(guestEnd("[    9.1] reboot: Power down\r\n")?.by, "shutdown");
  assert.equal(guestEnd("[    9.1] reboot: System halted\r\n")?.by, "halt");
  assert.equal(guestEnd("[    8.4] reboot: Power off not available: System halted instead\r\n")?.by, "halt");
  assert.deepEqual(guestEnd("[ 2.0] Kernel panic - not syncing: Attempted to kill init!\r\n[ 2.1] CPU: 0\r\n"), {
    by: "panic",
    panic: "Attempted to kill init!",
  });
  assert.equal(guestEnd("login: "), undefined);
});

test("the last of them counts", () => {
  const panic = "[ 1.0] Kernel panic - not syncing: first\r\nagain\n[ 2.0] Kernel panic - not syncing: second\r\n";
  assert.deepEqual(guestEnd(panic), { by: "panic", panic: "second" });
  assert.equal(guestEnd(`a log that tells of one: ${panic}[ 9.0] reboot: Restarting system\r\n`)?.by, "reboot");
});

test("each has its words", () => {
  const words = (["shutdown", "halt", "reboot"] as const).map((by) => endInWords({ by }));
  assert.deepEqual(words, ["the guest shut down", "the guest halted", "the guest rebooted"]);
  assert.equal(endInWords({ by: "panic", panic: "x" }), "the guest's kernel panicked: x");
});
