import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHealthCheck, writeHealthCheck } from "./health-check.ts";

const defaults = { intervalMs: 30_000, timeoutMs: 30_000, startPeriodMs: 0, retries: 3 };

test("a check is a command, or a line for a shell, with Docker's defaults", () => {
  assert.deepEqual(parseHealthCheck({ Test: ["CMD", "pg_isready", "-q"] }), {
    argv: ["pg_isready", "-q"],
    ...defaults,
  });
  assert.deepEqual(
    parseHealthCheck({ Test: ["CMD-SHELL", "curl -f localhost || exit 1"], Retries: 0, Interval: null }),
    {
      argv: ["/bin/sh", "-c", "curl -f localhost || exit 1"],
      ...defaults,
    },
  );
  assert.deepEqual(
    parseHealthCheck({ Test: ["CMD", "x"], Interval: 5e9, Timeout: 1e9, StartPeriod: 60e9, Retries: 10 }),
    { argv: ["x"], intervalMs: 5_000, timeoutMs: 1_000, startPeriodMs: 60_000, retries: 10 },
  );
});

test("none, nothing to run, and nonsense are no check", () => {
  for (const said of [
    undefined,
    null,
    7,
    [],
    {},
    { Test: null },
    { Test: [] },
    { Test: ["NONE"] },
    { Test: ["CMD"] },
    { Test: ["CMD", "a\0b"] },
    { Test: ["OTHER", "x"] },
    { Test: [1] },
  ])
    assert.equal(parseHealthCheck(said), undefined, JSON.stringify(said));
});

test("times without bound are bounded", () => {
  const check = parseHealthCheck({ Test: ["CMD", "x"], Interval: 1e300, Timeout: -1, Retries: 1e9 });
  assert.deepEqual([check?.intervalMs, check?.timeoutMs, check?.retries], [3_600_000, 30_000, 1_000]);
});

test("what is written is read again", () => {
  const check = { argv: ["/bin/sh", "-c", "true"], intervalMs: 1, timeoutMs: 2, startPeriodMs: 3, retries: 4 };
  assert.deepEqual(parseHealthCheck(writeHealthCheck(check)), check);
});
