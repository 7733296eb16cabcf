import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "../lib/errors.ts";
import { retryAfterMs } from "./http-transport.ts";
import { Retry, TransientError, withRetry } from "./retry.ts";

const policy = { attempts: 3, firstPauseMs: 1, maxPauseMs: 10 };
const reported = new BangerError("REGISTRY_FAILED", { what: "busy", fix: "wait" });
const signal = new AbortController().signal;

test("tries as often as it may, then tells what was reported", async () => {
  let tries = 0;
  const work = (): Promise<never> => {
    tries += 1;
    return Promise.reject(new TransientError(reported));
  };
  await assert.rejects(withRetry(policy, signal, work), reported);
  assert.equal(tries, 3);
});

test("what cannot be mended is not tried again", async () => {
  let tries = 0;
  await assert.rejects(
    withRetry(policy, signal, () => {
      tries += 1;
      return Promise.reject(reported);
    }),
    reported,
  );
  assert.equal(tries, 1);
});

test("progress begins the count anew", async () => {
  const retry = new Retry(policy, signal);
  for (let i = 0; i < 10; i++) {
    retry.progressed();
    await retry.failed(new TransientError(reported));
  }
});

test("a pause ends with the signal", async () => {
  const stop = new AbortController();
  const retry = new Retry({ attempts: 3, firstPauseMs: 60_000, maxPauseMs: 60_000 }, stop.signal);
  setTimeout(() => stop.abort(), 10);
  await assert.rejects(retry.failed(new TransientError(reported)), { code: "CANCELLED" });
});

test("Retry-After in seconds, as a date, as nonsense", () => {
  assert.equal(retryAfterMs({ "retry-after": "7" }), 7000);
  assert.equal(retryAfterMs({ "retry-after": new Date(Date.now() - 5000).toUTCString() }), 0);
  const ahead = retryAfterMs({ "retry-after": new Date(Date.now() + 60_000).toUTCString() }) ?? 0;
  assert.ok(ahead > 50_000 && ahead <= 60_000, `${ahead}`);
  for (const value of ["soon", "-1", "1e9", ""]) assert.equal(retryAfterMs({ "retry-after": value }), undefined, value);
  assert.equal(retryAfterMs({}), undefined);
});
