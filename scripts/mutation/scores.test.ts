import assert from "node:assert/strict";
import { test } from "node:test";
import { belowFloor, percentKilled, scoreLines, scoreOf, sumOf, survivorLine } from "./scores.ts";

const judged = (...statuses: readonly Parameters<typeof scoreOf>[1][number]["status"][]) =>
  statuses.map((status) => ({ status }));

test("what is killed or loops is caught; what no test reaches survives; what does not load is no mutant", () => {
  const score = scoreOf("a", judged("Killed", "Timeout", "Survived", "NoCoverage", "RuntimeError", "CompileError"), 3);
  assert.deepEqual(score, { area: "a", mutants: 4, all: 5, killed: 2, survived: 1, untouched: 1, seconds: 3 });
  assert.equal(percentKilled(score), 50);
  assert.equal(percentKilled(scoreOf("none", [], 0)), 100);
});

test("areas are summed by their mutants, not by their scores", () => {
  const all = sumOf([scoreOf("a", judged("Killed"), 1), scoreOf("b", judged("Survived", "Survived", "Survived"), 2)]);
  assert.deepEqual(all, { area: "all", mutants: 4, all: 4, killed: 1, survived: 3, untouched: 0, seconds: 3 });
  assert.match(scoreLines([all]), /^area .* seconds\nall +4 +4 +1 +3 +0 +25\.0 % +3$/);
});

test("a run fails for an area below its floor, and for one of which nothing was run", () => {
  const scored = (area: string, killed: number, survived: number) => ({
    ...scoreOf(area, [], 0),
    mutants: killed + survived,
    killed,
    survived,
  });
  const scores = [scored("just", 75, 25), scored("below", 749, 251), scored("free", 0, 9), scored("none", 0, 0)];
  assert.deepEqual(belowFloor(scores, new Set(["just", "below", "none"])), [
    "below: 749 of 1000 mutants killed, fewer than 75 %",
    "none: 0 of 0 mutants killed, fewer than 75 %",
  ]);
  assert.deepEqual(belowFloor(scores, new Set(["just"])), []);
});

test("a survivor is told by its place, and what stands there is shown beside it", () => {
  const mutant = {
    id: "1",
    fileName: "src/a.ts",
    mutatorName: "EqualityOperator",
    status: "Survived",
    replacement: "a >\n  b",
    location: { start: { line: 2, column: 8 }, end: { line: 3, column: 4 } },
  } as const;
  const source = "first\n  if ( a >=\n  b) x\nlast";
  assert.equal(survivorLine(mutant, source), "src/a.ts:2:8 Survived EqualityOperator: a >= b -> a > b");
});
