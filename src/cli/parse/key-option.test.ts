import assert from "node:assert/strict";
import { test } from "node:test";
import { keyBytes } from "./key-option.ts";

test("keys are what a terminal sends for them", () => {
  const sent = ["Enter", "enter", "C-c", "C-C", "C-[", "M-x", "M-Enter", "C-@", "Up", "F5", "x", "ü"];
  assert.deepEqual(
    sent.map((name) => keyBytes(name, true)),
    ["\r", "\r", "\u0003", "\u0003", "\u001b", "\u001bx", "\u001b\r", "\0", "\u001b[A", "\u001b[15~", "x", "ü"],
  );
  assert.equal(keyBytes("Enter", false), "\n");
});

test("what is no key is refused", () => {
  for (const name of ["", "xy", "C-", "C-ü", "C-cc", "F13", "M-"]) {
    assert.throws(() => keyBytes(name, true), /there is no key/, name);
  }
});
