import assert from "node:assert/strict";
import { test } from "node:test";
import { parseVolume } from "./volume-option.ts";

test("a volume is asked for by its name and a path, for writing unless it is said", () => {
  assert.deepEqual(parseVolume("data:/srv/data", "--volume"), { volume: "data", path: "/srv/data", readOnly: false });
  assert.deepEqual(parseVolume("data:/d:rw", "--volume"), { volume: "data", path: "/d", readOnly: false });
  assert.deepEqual(parseVolume("data:/d:ro", "--volume"), { volume: "data", path: "/d", readOnly: true });
});

test("whatever else is no volume, and is told as it was typed", () => {
  for (const text of ["", "data", "data:", "data:d", ":", "data:/d:", "data:/d:RO", "data:/d:ro:x", "data:/d:x"]) {
    assert.throws(() => parseVolume(text, "--volume"), {
      code: "BAD_USAGE",
      message: new RegExp(`^--volume cannot be "${text}"`),
    });
  }
});
