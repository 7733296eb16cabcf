import assert from "node:assert/strict";
import { test } from "node:test";
import { refuseSilentSkips, sum, summaryLine, withExitStatus } from "./counts.ts";

const none = { passed: 0, failed: 0, skipped: [] };

test("sums runners into one line", () => {
  const total = sum([
    { passed: 3, failed: 0, skipped: [{ name: "a", reason: "no KVM" }] },
    { passed: 4, failed: 2, skipped: [] },
  ]);
  assert.equal(summaryLine(total), "7 passed, 2 failed, 1 skipped");
});

test("a runner that failed without a failed test is one failure", () => {
  assert.equal(withExitStatus({ ...none, passed: 3 }, 1).failed, 1);
  assert.equal(withExitStatus({ ...none, failed: 2 }, 1).failed, 2);
  assert.equal(withExitStatus(none, null).failed, 1, "ended by a signal");
  assert.equal(withExitStatus(undefined, 0).failed, 1, "said nothing");
  assert.equal(withExitStatus({ ...none, passed: 3 }, 0).failed, 0);
});

test("a skipped test has to say why", () => {
  const skipped = [
    { name: "told", reason: "no docker-registry" },
    { name: "silent", reason: "" },
  ];
  const { counts, refused } = refuseSilentSkips({ ...none, skipped });
  assert.deepEqual(refused, ["silent"]);
  assert.equal(summaryLine(counts), "0 passed, 1 failed, 1 skipped");
});
