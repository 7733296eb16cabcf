import assert from "node:assert/strict";
import { test } from "node:test";
import { signalNumber } from "./signal-number.ts";

test("signals by name, by number and by what images write", () => {
  const expected = { SIGQUIT: 3, quit: 3, " SIGTERM ": 15, "9": 9, "SIGRTMIN+3": 37, RTMIN: 0, "0": 0, "65": 0, x: 0 };
  for (const [text, number] of Object.entries(expected)) assert.equal(signalNumber(text), number, text);
  assert.equal(signalNumber(""), 0);
});
