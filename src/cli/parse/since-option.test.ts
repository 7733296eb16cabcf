import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSince } from "./since-option.ts";

const NOW = Date.parse("2026-05-06T12:00:00Z");

test("a time before now, or a date, is an instant", () => {
  assert.equal(parseSince("90s", NOW), "2026-05-06T11:58:30.000Z");
  assert.equal(parseSince("10m", NOW), "2026-05-06T11:50:00.000Z");
  assert.equal(parseSince("2h", NOW), "2026-05-06T10:00:00.000Z");
  assert.equal(parseSince("3d", NOW), "2026-05-03T12:00:00.000Z");
  assert.equal(parseSince("2026-01-31T08:00:00+02:00", NOW), "2026-01-31T06:00:00.000Z");
  assert.equal(parseSince("999999999d", NOW), "1970-01-01T00:00:00.000Z");
});

test("what is neither is refused", () => {
  for (const word of ["", "10", "10w", "-5m", "yesterday", "2026-99-01T00:00:00Z", "2026"]) {
    assert.throws(() => parseSince(word, NOW), /is no time/, word);
  }
});
