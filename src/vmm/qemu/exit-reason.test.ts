import assert from "node:assert/strict";
import { test } from "node:test";
import { explainEnd } from "./exit-reason.ts";

const nothing = { said: "", console: "" };
const panicked = "[ 1.0] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n";

test("the guest's own end is clean, unless its kernel panicked", () => {
  assert.equal(explainEnd({ ...nothing, shutdownReason: "guest-shutdown", exitCode: 0 }).by, "shutdown");
  assert.deepEqual(explainEnd({ ...nothing, shutdownReason: "guest-reset", exitCode: 0 }), {
    clean: true,
    by: "reboot",
    reason: "the guest rebooted",
  });
  // Where there is no switch, a poweroff is a reset too.
  const off = "[ 9.0] reboot: Restarting system with command 'banger-poweroff'\r\n";
  assert.deepEqual(explainEnd({ ...nothing, shutdownReason: "guest-reset", console: off }), {
    clean: true,
    by: "shutdown",
    reason: "the guest shut down",
  });
  assert.deepEqual(explainEnd({ ...nothing, shutdownReason: "guest-reset", console: panicked }), {
    clean: false,
    by: "panic",
    reason: "the guest's kernel panicked: VFS: Unable to mount root fs",
  });
});

test("an end from outside is not clean, whatever the console held", () => {
  assert.match(
    explainEnd({ said: "out of memory", signal: "SIGKILL", console: panicked }).reason,
    /killed by SIGKILL: out of/,
  );
  assert.match(explainEnd({ ...nothing, shutdownReason: "host-signal", exitCode: 0 }).reason, /told to end/);
  assert.match(explainEnd({ ...nothing, said: "no such file", exitCode: 1 }).reason, /exit status 1: no such file/);
  assert.equal(explainEnd(nothing).clean, false);
});
