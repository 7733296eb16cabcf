import assert from "node:assert/strict";
import { test } from "node:test";
import { startOfLines } from "./last-lines.ts";

test("the last lines of a text are found, whether or not it ends with a line's end", () => {
  const last = (text: string, count: number): string => text.slice(startOfLines(Buffer.from(text), count));
  assert.equal(last("one\ntwo\nthree\n", 2), "two\nthree\n");
  assert.equal(last("one\ntwo\nthree", 2), "two\nthree");
  assert.equal(last("one\ntwo\n", 2), "one\ntwo\n");
  assert.equal(last("one\ntwo\n", 9), "one\ntwo\n");
  assert.equal(last("one\n\n", 1), "\n");
  assert.equal(last("\n\n\n", 2), "\n\n");
  assert.equal(last("one\n", 0), "");
  assert.equal(last("", 3), "");
});
