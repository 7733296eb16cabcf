import assert from "node:assert/strict";
import { test } from "node:test";
import { compare, judge, median, missed } from "./comparison.ts";

const said = { name: "ours", unit: "ms", besideName: "theirs", aim: 2 } as const;

test("the median is the middle, or between the two middle ones", () => {
  assert.equal(median([30, 10, 1000]), 30);
  assert.equal(median([10, 40, 20, 30]), 25);
  assert.throws(() => median([]), /no times/);
});

test("an aim that is missed does not hold", () => {
  assert.equal(judge(said, [199], [100]).holds, true);
  assert.equal(judge(said, [201], [100]).holds, false);
  assert.equal(judge({ ...said, unit: "s" }, [1500], [1000]).ours, 1.5);
});

test("a missed aim is said in words", () => {
  assert.equal(
    missed(judge(said, [201], [100])),
    "ours: 201 ms are 2.01 times the 100 ms of theirs; the aim is 2 times at most",
  );
});

test("both sides take turns, as often as the other, after one round for nothing", async () => {
  const turns: string[] = [];
  let disposed = false;
  const result = await compare({
    ...said,
    rounds: 4,
    prepare: async () => ({
      ours: async () => (turns.push("o"), 10),
      beside: async () => (turns.push("b"), 5),
      [Symbol.asyncDispose]: async () => {
        disposed = true;
      },
    }),
  });
  assert.equal(turns.join(""), "obobboobbo");
  assert.equal(result.ratio, 2);
  assert.ok(disposed);
});
