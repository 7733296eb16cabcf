import assert from "node:assert/strict";
import { test } from "node:test";
import { CREATE_FIELDS } from "../../model/fields/vm-fields.ts";
import { inputOf, optionsOf } from "./option-of.ts";
import { ownOption } from "./own-option.ts";

test("an option of the command line's own is of its type, and holds its bounds", () => {
  const wait = ownOption({ kind: "seconds", min: 0, max: 9, help: "" });
  assert.equal(wait.value, "SECONDS");
  assert.deepEqual([wait.read("0", "--wait"), wait.read("9", "--wait")], [0, 9]);
  for (const word of ["10", "1.5", "-1", "", "1s"])
    assert.throws(() => wait.read(word, "--wait"), { code: "BAD_USAGE" });
  const count = ownOption({ kind: "number", help: "" });
  assert.equal(count.read("4711", "--count"), 4711);
  assert.throws(() => count.read("0", "--count"), { code: "BAD_USAGE", what: "--count cannot be 0" });
});

test("a choice that there is not is told with those that there are", () => {
  const mode = ownOption({ kind: "choice", values: ["a", "b", "c"], help: "" });
  assert.equal(mode.read("b", "--mode"), "b");
  assert.throws(() => mode.read("d", "--mode"), {
    code: "BAD_USAGE",
    what: '--mode cannot be "d"',
    fix: "choose a, b or c",
  });
});

test("a text is taken as it is, and a flag has no value to read", () => {
  assert.equal(ownOption({ kind: "text", help: "" }).read("-", "--file"), "-");
  assert.equal("read" in ownOption({ kind: "flag", help: "" }), false);
});

test("a flag that holds by itself is said by the option of the opposite, and by nothing else", () => {
  const options = optionsOf(CREATE_FIELDS, {});
  assert.equal(options["no-start"].type, "boolean");
  const nothing = { image: undefined, wait: undefined };
  assert.equal(inputOf(CREATE_FIELDS, { ...nothing, "no-start": true }).start, false);
  assert.equal(inputOf(CREATE_FIELDS, { ...nothing, "no-start": false }).start, undefined);
});
