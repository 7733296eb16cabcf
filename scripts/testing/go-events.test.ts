import assert from "node:assert/strict";
import { test } from "node:test";
import { type GoEvent, GoTally } from "./go-events.ts";

function tallyOf(events: readonly GoEvent[]): { tally: GoTally; shown: string } {
  const tally = new GoTally();
  return { tally, shown: events.map((event) => tally.take(event)).join("") };
}

test("counts tests, and shows the output only of what failed", () => {
  const { tally, shown } = tallyOf([
    { Action: "output", Package: "p", Test: "TestA", Output: "quiet\n" },
    { Action: "pass", Package: "p", Test: "TestA" },
    { Action: "output", Package: "p", Test: "TestB", Output: "    b_test.go:9: wrong\n" },
    { Action: "fail", Package: "p", Test: "TestB" },
    { Action: "output", Package: "p", Output: "FAIL\tp\t0.1s\n" },
    { Action: "fail", Package: "p" },
  ]);
  assert.deepEqual(tally.counts, {
    passed: 1,
    failed: [{ name: "p: TestB", reason: "    b_test.go:9: wrong" }],
    skipped: [],
  });
  assert.equal(shown, "    b_test.go:9: wrong\nFAIL\tp\t0.1s\n");
});

test("a package that does not build is one failure, and says why", () => {
  const { tally, shown } = tallyOf([
    { Action: "build-output", ImportPath: "p [p.test]", Output: "./a.go:3: undefined: x\n" },
    { Action: "build-fail", ImportPath: "p [p.test]" },
    { Action: "output", Package: "p", Output: "FAIL\tp [build failed]\n" },
    { Action: "fail", Package: "p" },
  ]);
  assert.deepEqual(tally.counts.failed, [{ name: "p", reason: "FAIL\tp [build failed]" }]);
  assert.match(shown, /undefined: x/);
});

test("a skipped test keeps t.Skip's words", () => {
  const { tally } = tallyOf([
    { Action: "output", Package: "p", Test: "TestA", Output: "=== RUN   TestA\n" },
    { Action: "output", Package: "p", Test: "TestA", Output: "    a_test.go:7: no /dev/vsock here\n" },
    { Action: "output", Package: "p", Test: "TestA", Output: "--- SKIP: TestA (0.00s)\n" },
    { Action: "skip", Package: "p", Test: "TestA" },
    { Action: "skip", Package: "q" },
  ]);
  assert.deepEqual(tally.counts.skipped, [{ name: "TestA", reason: "no /dev/vsock here" }]);
});
