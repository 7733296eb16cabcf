import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { untilAborted } from "./deadline.ts";

test("what nobody waits for any more may fail without a word", async (t) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  t.after(() => process.off("unhandledRejection", note));
  const over = AbortSignal.abort();
  await assert.rejects(untilAborted(Promise.reject(new Error("late")), over), { name: "AbortError" });
  const { promise, reject } = Promise.withResolvers<never>();
  await assert.rejects(untilAborted(promise, over), { name: "AbortError" });
  reject(new Error("later"));
  await turn();
  await turn();
  assert.deepEqual(unhandled, []);
});
