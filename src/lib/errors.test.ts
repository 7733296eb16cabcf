import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { test } from "node:test";
import { asBangerError, BangerError } from "./errors.ts";

/** What an operation throws that waits for what never comes. */
async function waitedFor(signal: AbortSignal): Promise<unknown> {
  return once(new EventEmitter(), "never", { signal }).catch((error: unknown) => error);
}

test("a signal that has run out of time is a time-out, however it comes up", async () => {
  const signal = AbortSignal.timeout(1);
  const wrapped = await waitedFor(signal);
  assert.equal(asBangerError(signal.reason).code, "TIMED_OUT");
  assert.equal(asBangerError(wrapped).code, "TIMED_OUT");
  assert.equal(
    asBangerError(await waitedFor(AbortSignal.any([signal, new AbortController().signal]))).code,
    "TIMED_OUT",
  );
});

test("any other abort is a cancellation, unless its reason says more", async () => {
  assert.equal(asBangerError(AbortSignal.abort().reason).code, "CANCELLED");
  assert.equal(asBangerError(await waitedFor(AbortSignal.abort())).code, "CANCELLED");
  const reason = new BangerError("VMM_FAILED", { what: "it died", fix: "none" });
  assert.equal(asBangerError(await waitedFor(AbortSignal.abort(reason))), reason);
});

test("a full disk is known by its errno, and what nobody expected is internal", () => {
  assert.equal(asBangerError(Object.assign(new Error("no space"), { code: "ENOSPC" })).code, "DISK_FULL");
  assert.equal(asBangerError(new Error("TimeoutError")).code, "INTERNAL");
  assert.equal(asBangerError("thrown by a library").code, "INTERNAL");
});
