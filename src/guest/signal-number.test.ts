import assert from "node:assert/strict";
import { test } from "node:test";
import { signalNumber } from "./signal-number.ts";

test("signals by name, by number and by what images write", () => {
  const expected = { SIGQUIT: 3, quit: 3, " SIGTERM ": 15, "9": 9, "SIGRTMIN+3": 37, RTMIN: 0, "0": 0, "65": 0, x: 0 };
  for (const [text, number] of Object.entries(expected)) assert.equal(signalNumber(text), number, text);
  assert.equal(signalNumber(""), 0);
});

test("a number is a signal from 1 to 64, however it is written, and nothing else is", () => {
  const bounds = { "1": 1, "64": 64, "-1": 0, "-9": 0, "1.5": 0, "1e1": 10, "63": 63, "66": 0, NaN: 0, Infinity: 0 };
  const realTime = {
    "RTMIN+0": 34,
    "SIGRTMIN+30": 64,
    "RTMIN+31": 0,
    "RTMIN+100": 0,
    "RTMIN+": 0,
    "RTMIN-1": 0,
    "xRTMIN+1": 0,
  };
  for (const [text, number] of Object.entries({ ...bounds, ...realTime }))
    assert.equal(signalNumber(text), number, text);
  for (const text of ["SIGSIGTERM", "TERMSIG", "constructor", "SIG"]) assert.equal(signalNumber(text), 0, text);
});
