import assert from "node:assert/strict";
import { test } from "node:test";
import { failureLines, refuseSilentSkips, slowestLine, sum, summaryLine, withExitStatus } from "./counts.ts";

const none = { passed: 0, failed: [], skipped: [] };
const bad = { name: "bad", reason: "1 is not 2" };

test("sums runners into one line", () => {
  const total = sum([
    { passed: 3, failed: [], skipped: [{ name: "a", reason: "no KVM" }] },
    { passed: 4, failed: [bad, bad], skipped: [] },
  ]);
  assert.equal(summaryLine(total), "7 passed, 2 failed, 1 skipped");
});

test("names the slowest files of all runners first", () => {
  const of = (file: string, seconds: number) => ({ ...none, files: [{ file, seconds }] });
  const total = sum([of("a.test.ts", 3.4), none, of("b.test.ts", 60), of("c.test.ts", 1)]);
  assert.equal(slowestLine(total, 2), "slowest: b.test.ts 60 s, a.test.ts 3 s");
});

test("a runner that failed without a failed test is one failure", () => {
  const failed = (...[counts, status]: [Parameters<typeof withExitStatus>[0], number | null]): readonly string[] =>
    withExitStatus(counts, "suite", status).failed.map(({ name, reason }) => `${name}: ${reason}`);
  assert.deepEqual(failed({ ...none, passed: 3 }, 1), ["suite: it ended with status 1 and did not say what failed"]);
  assert.deepEqual(failed({ ...none, failed: [bad] }, 1), ["bad: 1 is not 2"]);
  assert.deepEqual(failed(none, null), ["suite: it ended with a signal and did not say what failed"]);
  assert.equal(failed(undefined, 0).length, 1, "said nothing");
  assert.deepEqual(failed({ ...none, passed: 3 }, 0), []);
});

test("a skipped test has to say why", () => {
  const skipped = [
    { name: "told", reason: "no docker-registry" },
    { name: "silent", reason: "" },
  ];
  const counts = refuseSilentSkips({ ...none, skipped });
  assert.deepEqual(counts.failed, [{ name: "silent", reason: "it was skipped and does not say why" }]);
  assert.equal(summaryLine(counts), "0 passed, 1 failed, 1 skipped");
});

test("a failed test is told again with the first lines of its message", () => {
  assert.equal(failureLines(bad), "failed: bad\n  1 is not 2");
  const long = failureLines({ name: "long", reason: Array.from({ length: 40 }, (_, n) => `line ${n}`).join("\n") });
  assert.match(long, /^failed: long\n {2}line 0\n/);
  assert.match(long, /\n {2}line 11\n {2}…$/);
});
