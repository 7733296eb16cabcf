import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { checkInput } from "./check-input.ts";

const schema = z.strictObject({
  name: z.string().max(3, "too long"),
  count: z.number().max(2, "too many").default(1),
  on: z.literal(true, { error: "must be on" }).optional(),
  words: z.array(z.strictObject({ text: z.string().max(90, "no word") })).default([]),
});
const refused = (input: unknown, help?: string): Record<string, unknown> => {
  try {
    checkInput(schema, input, help);
  } catch (error) {
    const { code, what, fix, data } = error as Record<string, unknown>;
    return { code, what, fix, data };
  }
  return assert.fail("it was taken");
};

test("what is right is taken, with what was left out", () => {
  assert.deepEqual(checkInput(schema, { name: "a" }), { name: "a", count: 1, words: [] });
});

test("a name that is all that is wrong is an error of its own", () => {
  assert.deepEqual(refused({ name: "abcd" }), {
    code: "NAME_INVALID",
    what: '`name` cannot be "abcd": too long',
    fix: "choose another name",
    data: { fields: ["name"] },
  });
});

test("all that is wrong is told at once, each by its field and its value", () => {
  assert.deepEqual(refused({ name: "abcd", count: 3, on: false, words: [{ text: "a" }, { text: "b".repeat(91) }] }), {
    code: "BAD_REQUEST",
    what:
      '`name` cannot be "abcd": too long; `count` cannot be 3: too many; `on` cannot be false: must be on; ' +
      "`words.1.text`: no word",
    fix: "correct it and try again; `banger openapi` describes each field",
    data: { fields: ["name", "count", "on", "words.1.text"] },
  });
});

test("a value of some length is not repeated, nor is one that is no single value or not there", () => {
  const ofWord = (text: unknown) => refused({ name: "a", words: [{ text }] })["what"];
  assert.match(String(ofWord(["x"])), /^`words\.0\.text`: /);
  assert.match(String(ofWord(null)), /^`words\.0\.text`: /);
  assert.match(String(ofWord(undefined)), /^`words\.0\.text`: /);
  const long = z.object({ text: z.string().max(1, "no") });
  const told = (text: string) => () => checkInput(long, { text });
  assert.throws(told("x".repeat(80)), { what: `\`text\` cannot be "${"x".repeat(80)}": no` });
  assert.throws(told("x".repeat(81)), { what: "`text`: no" });
});

test("what is wrong with no field is told without one", () => {
  for (const input of [undefined, null, "a", 1, []]) {
    const { code, what, data } = refused(input, "see there");
    assert.equal(code, "BAD_REQUEST");
    assert.doesNotMatch(String(what), /`/, String(input));
    assert.deepEqual(data, { fields: [] });
  }
  const odd = refused({ name: "a", nmae: "b" }, "see there");
  assert.match(String(odd["what"]), /nmae/);
  assert.equal(odd["fix"], "correct it and try again; see there");
});
