import assert from "node:assert/strict";
import { test } from "node:test";
import { explainEnd, loggedFault } from "./exit-reason.ts";

const nothing = { log: "", said: "", console: "" };

test("a guest's own end is clean, unless its kernel panicked", () => {
  const console = "[ 9.0] reboot: Restarting system\r\n";
  assert.deepEqual(explainEnd({ ...nothing, exitCode: 0, console }), {
    clean: true,
    by: "reboot",
    reason: "the guest rebooted",
  });
  const off = console.replace("system", "system with command 'banger-poweroff'");
  assert.equal(explainEnd({ ...nothing, exitCode: 0, console: off }).by, "shutdown");
  const panic = "[ 1.0] Kernel panic - not syncing: Attempted to kill init!\r\n";
  const panicked = explainEnd({ ...nothing, exitCode: 0, console: panic });
  assert.equal(panicked.clean, false);
  assert.match(panicked.reason, /panicked: Attempted/);
});

test("statuses and signals are told in words, with what it said", () => {
  const of = (exitCode: number) => explainEnd({ ...nothing, exitCode, said: "Error: x" });
  assert.equal(
    of(148).reason,
    "Firecracker ended because a system call is not in its seccomp filter (exit status 148): Error: x",
  );
  assert.match(of(149).reason, /bus error/);
  assert.match(of(156).reason, /terminal hung up/);
  assert.match(of(77).reason, /no known reason \(exit status 77\)/);
  for (const code of [1, 2, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157]) assert.equal(of(code).clean, false);
  assert.match(explainEnd({ ...nothing, signal: "SIGSEGV" }).reason, /killed by SIGSEGV/);
});

test("the guest's processor tells more than the lines that follow it", () => {
  const log = [
    "2026-11-29T10:00:00 [vm-1:fc_api:ERROR] Received Error. Status code: 400 Bad Request.",
    "2026-11-29T10:00:01 [vm-1:fc_vcpu 0:ERROR] Unexpected exit reason on vcpu run: Shutdown",
    "2026-11-29T10:00:01 [vm-1:main:ERROR] RunWithoutApiError error: MicroVMStoppedWithError(GenericError)",
    "2026-11-29T10:00:01 [vm-1:main:ERROR] Firecracker exiting with error. exit_code=1",
    "",
  ].join("\n");
  const { clean, reason } = explainEnd({ ...nothing, exitCode: 1, log });
  assert.equal(clean, false);
  assert.equal(reason, "Firecracker ended with an error (exit status 1): Unexpected exit reason on vcpu run: Shutdown");
  assert.equal(loggedFault(log), "Unexpected exit reason on vcpu run: Shutdown");
  const [refused = ""] = log.split("\n");
  assert.equal(loggedFault(refused), "Received Error. Status code: 400 Bad Request.");
  assert.doesNotMatch(explainEnd({ ...nothing, signal: "SIGKILL", log: refused }).reason, /400/);
});

test("a signal that Firecracker takes stands in its log without a status", () => {
  const log = "2026-11-29T10:00:00 [vm-1:main:ERROR] Shutting down VM after intercepting signal 7, code 2.\n";
  assert.match(explainEnd({ ...nothing, log }).reason, /bus error/);
  assert.match(explainEnd({ ...nothing, log: log.replace("signal 7", "signal 1") }).reason, /hung up/);
  assert.match(explainEnd({ ...nothing, log: log.replace("signal 7", "signal 63") }).reason, /nobody saw how/);
});

test("whoever is not its parent reads its status in the last line of its log", () => {
  const log = "… [vm-1:main:INFO] Running Firecracker v1.16.1\n… Firecracker exiting successfully. exit_code=0\n";
  assert.equal(explainEnd({ ...nothing, log }).clean, true);
  assert.match(explainEnd({ ...nothing, log: log.replace("=0", "=149") }).reason, /bus error/);
  assert.deepEqual(explainEnd(nothing), { clean: false, by: "vmm", reason: "Firecracker ended, and nobody saw how" });
});
