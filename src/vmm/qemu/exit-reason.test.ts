import assert from "node:assert/strict";
import { test } from "node:test";
import { explainEnd } from "./exit-reason.ts";
import { findPanic } from "../find-panic.ts";

const nothing = { said: "" };

test("the guest's own end is clean, unless its kernel panicked", () => {
  assert.equal(explainEnd({ ...nothing, shutdownReason: "guest-shutdown", exitCode: 0 }).clean, true);
  assert.equal(explainEnd({ ...nothing, shutdownReason: "guest-reset", exitCode: 0 }).clean, true);
  const panic = "VFS: Unable to mount root fs";
  assert.deepEqual(explainEnd({ ...nothing, shutdownReason: "guest-reset", panic }), {
    clean: false,
    reason: "the guest's kernel panicked: VFS: Unable to mount root fs",
  });
});

test("an end from outside is not clean, whatever the console held", () => {
  assert.match(
    explainEnd({ said: "out of memory", signal: "SIGKILL", panic: "old" }).reason,
    /killed by SIGKILL: out of/,
  );
  assert.match(explainEnd({ ...nothing, shutdownReason: "host-signal", exitCode: 0 }).reason, /told to end/);
  assert.match(explainEnd({ said: "no such file", exitCode: 1 }).reason, /exit status 1: no such file/);
  assert.equal(explainEnd(nothing).clean, false);
});

test("finds the last panic in a console", () => {
  const console =
    "[ 1.0] Kernel panic - not syncing: first\r\nagain\n[ 2.0] Kernel panic - not syncing: second thing\r\n";
  assert.equal(findPanic(console), "second thing");
  assert.equal(findPanic("Kernel is fine"), undefined);
});
