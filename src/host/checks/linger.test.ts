import assert from "node:assert/strict";
import { test } from "node:test";
import { killsUserProcesses, logoutFinding, type LogoutFacts } from "./linger.ts";

const SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n";
const MANAGER = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/terminal.scope\n";
const facts: LogoutFacts = {
  cgroup: SESSION,
  user: "ann",
  isRoot: false,
  lingers: false,
  killsUserProcesses: true,
};

test("warns where a logout ends VMs, with the command that mends it, and nowhere else", () => {
  const { result, fix } = logoutFinding(facts);
  assert.deepEqual([result, fix?.startsWith("loginctl enable-linger ann")], ["warn", true]);
  const cases: readonly (readonly [string, Partial<LogoutFacts>])[] = [
    ["ok", { lingers: true }],
    ["ok", { killsUserProcesses: false }],
    ["ok", { isRoot: true }],
    ["ok", { cgroup: "0::/system.slice/ssh.service\n" }],
    ["ok", { cgroup: "" }],
    ["warn", { cgroup: MANAGER, killsUserProcesses: false }],
    ["warn", { cgroup: `12:cpu:/\n1:name=systemd:${MANAGER.slice(3)}`, killsUserProcesses: false }],
    ["ok", { cgroup: MANAGER, lingers: true }],
  ];
  for (const [wanted, changes] of cases) {
    assert.equal(logoutFinding({ ...facts, ...changes }).result, wanted, JSON.stringify(changes));
  }
});

test("reads logind's files as logind does, and the default in the comment of the main one", () => {
  assert.equal(killsUserProcesses([]), false);
  assert.equal(killsUserProcesses(["[Login]\n#KillUserProcesses=yes\n"]), true);
  assert.equal(killsUserProcesses(["#KillUserProcesses=no\n", "KillUserProcesses=yes\n"]), true);
  assert.equal(killsUserProcesses(["KillUserProcesses=yes\n", " KillUserProcesses = false\n"]), false);
});
