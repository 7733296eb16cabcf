import assert from "node:assert/strict";
import { test } from "node:test";
import { counted } from "./counted.ts";

test("a number with its noun", () => {
  assert.deepEqual(
    [0, 1, 2].map((number) => counted(number, "layer")),
    ["0 layers", "1 layer", "2 layers"],
  );
});
