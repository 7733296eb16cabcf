import assert from "node:assert/strict";
import { test } from "node:test";
import { signalProcess } from "./destroy.ts";
import { identifyProcess, isAlive } from "./process-identity.ts";

test("a process is known by its pid, its start, and the boot of the host that both belong to", async () => {
  const ours = await identifyProcess(process.pid);
  assert.ok(ours);
  assert.match(ours.bootId ?? "", /^[0-9a-f-]{36}$/);
  assert.ok(await isAlive(ours));
  assert.ok(!(await isAlive({ ...ours, startTicks: ours.startTicks + 1 })));
  // After a restart of the host another process may have this pid and, by its ticks, this start.
  const beforeReboot = { ...ours, bootId: "00000000-0000-0000-0000-000000000000" };
  assert.ok(!(await isAlive(beforeReboot)));
  assert.equal(await signalProcess(beforeReboot, "SIGKILL", "a test"), false);
  const { bootId: _bootId, ...older } = ours;
  assert.ok(await isAlive(older), "an older banger's record has no boot");
});
