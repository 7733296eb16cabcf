import assert from "node:assert/strict";
import { test } from "node:test";
import { drawSample } from "./sample.ts";

const mutants = (count: number, root: string) =>
  Array.from({ length: count }, (_, n) => ({
    id: `${root}${n}`,
    fileName: `${root}/src/a.ts`,
    mutatorName: "EqualityOperator",
    replacement: "<=",
    location: { start: { line: n, column: 0 }, end: { line: n, column: 5 } },
  }));

const linesOf = (ids: ReadonlySet<string>, root: string): readonly string[] =>
  [...ids].map((id) => id.slice(root.length)).toSorted();

test("a sample is the same in another tree and in any order, and a smaller one is part of it", () => {
  const here = drawSample(mutants(200, "/a"), 50, "/a");
  const there = drawSample(mutants(200, "/b/c").toReversed(), 50, "/b/c");
  assert.equal(here.size, 50);
  assert.deepEqual(linesOf(here, "/a"), linesOf(there, "/b/c"));
  assert.deepEqual(
    [...drawSample(mutants(200, "/a"), 20, "/a")].filter((id) => !here.has(id)),
    [],
  );
});

test("a sample is spread over what there is", () => {
  const lines = [...drawSample(mutants(1000, ""), 100, "")].map(Number);
  for (const half of [lines.filter((n) => n < 500), lines.filter((n) => n >= 500)]) assert.ok(half.length > 30);
});

test("of fewer mutants than are wanted, all are taken", () => {
  assert.equal(drawSample(mutants(3, "/a"), 400, "/a").size, 3);
});
