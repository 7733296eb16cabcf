import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { editDistance, nearest } from "./nearest.ts";

test("counts letters added, dropped, changed and swapped", () => {
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("create", "craete"), 1);
  assert.equal(editDistance("list", "lst"), 1);
  assert.equal(editDistance("kitten", "sitting"), 3);
});

test("is a distance: none from itself, the same both ways, at most the longer word", () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      assert.equal(distance, editDistance(b, a));
      assert.equal(distance === 0, a === b);
      assert.ok(distance <= Math.max(a.length, b.length));
    }),
  );
});

test("suggests what is near, or what begins so, and else nothing", () => {
  const verbs = ["create", "list", "inspect", "delete"];
  assert.equal(nearest("crate", verbs), "create");
  assert.equal(nearest("lsit", verbs), "list");
  assert.equal(nearest("insp", verbs), "inspect");
  assert.equal(nearest("frobnicate", verbs), undefined);
  assert.equal(nearest("x", verbs), undefined);
});
