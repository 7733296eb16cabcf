import assert from "node:assert/strict";
import { test } from "node:test";
import { changed, mayStep } from "./steps.ts";
import { checkSteps } from "./testing/check-steps.ts";
import { newToy, toyTable } from "./testing/toys.ts";

const STATES = ["new", "wound", "broken"] as const;
const WORDS = { wound: "new > wound", painted: "any", renamed: "new wound", broken: "wound > broken" } as const;

test("each step is taken from its states, to its own, and from no others", () => {
  checkSteps(toyTable, newToy("bear"), STATES, WORDS);
});

test("a table that allows, refuses or leads to anything else is found", () => {
  const wrong = {
    "one state too few": { ...WORDS, wound: "new broken > wound" },
    "one state too many": { ...WORDS, renamed: "new" },
    "another end": { ...WORDS, broken: "wound > new" },
    "an end where there is none": { ...WORDS, painted: "any > new" },
    "none where there is one": { ...WORDS, wound: "new" },
  };
  for (const [what, words] of Object.entries(wrong)) {
    assert.throws(() => checkSteps(toyTable, newToy("bear"), STATES, words), what);
  }
  const { painted: _painted, ...without } = WORDS;
  assert.throws(
    () => checkSteps(toyTable, newToy("bear"), STATES, without as typeof WORDS),
    /each step is expected once/,
  );
});

test("a step from `any` state may be taken in each, one from none in none", () => {
  assert.deepEqual([mayStep({ from: "any" }, "new"), mayStep({ from: [] }, "new")], [true, false]);
});

test("a change sets what it names, takes away what it sets to undefined, and leaves the rest and the object", () => {
  const toy = { ...newToy("bear"), colour: "red", box: "large" };
  const { box: _box, ...left } = toy;
  assert.deepEqual(changed(toy, { box: undefined, size: 0 }, undefined), { ...left, size: 0 });
  assert.deepEqual(changed(toy, { colour: "" }, "wound"), { ...toy, colour: "", state: "wound" });
  assert.equal(toy.box, "large");
});
