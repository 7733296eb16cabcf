import assert from "node:assert/strict";
import { test } from "node:test";
import { untilAborted } from "../lib/deadline.ts";
import { BangerError } from "../lib/errors.ts";
import type { ProgressEvent } from "../lib/progress.ts";
import { currentCause } from "./cause.ts";
import { createOperations } from "./operations.ts";

const FACTS = { name: "toyMake", caller: "owner", detached: false };
const never = new Promise<never>(() => {});

test("an operation knows its id in all that it does, and is listed until a hundred others have ended", async () => {
  const operations = createOperations();
  const first = operations.begin({ ...FACTS, subject: "bear" }, async () => {
    await Promise.resolve();
    return currentCause();
  });
  assert.deepEqual(
    operations.list().map(({ state, subject }) => [state, subject]),
    [["running", "bear"]],
  );
  assert.deepEqual(await first.result, { operation: first.id, caller: "owner" });
  assert.equal(operations.get(first.id).view().state, "done");
  for (let n = 0; n < 100; n += 1) await operations.begin(FACTS, async () => {}).result;
  assert.throws(() => operations.get(first.id), { code: "OPERATION_NOT_FOUND" });
  assert.equal(operations.list().length, 100);
});

test("one that fails says with which code, and one that is cancelled ends by its own hand", async () => {
  const operations = createOperations();
  const failing = operations.begin(FACTS, async () => {
    throw new BangerError("DISK_FULL", { what: "full", fix: "free some" });
  });
  await assert.rejects(failing.result, { code: "DISK_FULL" });
  assert.deepEqual([failing.view().state, failing.view().error], ["failed", "DISK_FULL"]);
  const endless = operations.begin(FACTS, ({ signal }) => untilAborted(never, signal));
  await Promise.resolve();
  operations.get(endless.id).cancel();
  assert.equal(endless.view().state, "cancelling");
  await assert.rejects(endless.result, { code: "CANCELLED" });
});

test("a second one who follows hears the last word on each part first, then all that comes", async () => {
  const operations = createOperations();
  const { promise, resolve } = Promise.withResolvers<void>();
  const operation = operations.begin(FACTS, async ({ progress }) => {
    progress({ id: "a", label: "a", status: "running", done: 1 });
    progress({ id: "a", label: "a", status: "done" });
    progress({ id: "out", label: "out", status: "running", output: "printed\n" });
    for (let n = 0; n < 1_000; n += 1) progress({ id: `part-${n}`, label: "x", status: "running" });
    await promise;
    progress({ id: "b", label: "b", status: "done" });
  });
  const first: ProgressEvent[] = [];
  const second: ProgressEvent[] = [];
  operation.follow((event) => first.push(event));
  await new Promise(setImmediate);
  using _following = operation.follow((event) => second.push(event));
  assert.equal(second.length, 64, "no more is remembered, whatever comes");
  resolve();
  await operation.result;
  assert.equal(first.length, 1_004);
  assert.deepEqual(second.at(-1), { id: "b", label: "b", status: "done" });
});

test("of each part the last word is kept, by its age, and what programs print is none", async () => {
  const operations = createOperations();
  const operation = operations.begin(FACTS, async ({ progress }) => {
    progress({ id: "a", label: "a", status: "running" });
    progress({ id: "b", label: "b", status: "done" });
    progress({ id: "out", label: "out", status: "running", output: "printed\n" });
    progress({ id: "a", label: "a", status: "done" });
  });
  await operation.result;
  const view = operation.view();
  assert.deepEqual(
    view.progress.map(({ id, status }) => [id, status]),
    [
      ["b", "done"],
      ["a", "done"],
    ],
  );
  assert.equal(Object.hasOwn(view, "subject"), false);
});

test("who no longer follows hears nothing more", async () => {
  const operations = createOperations();
  const { promise, resolve } = Promise.withResolvers<void>();
  const operation = operations.begin(FACTS, async ({ progress }) => {
    await promise;
    progress({ id: "a", label: "a", status: "done" });
  });
  const heard: ProgressEvent[] = [];
  operation.follow((event) => heard.push(event))[Symbol.dispose]();
  resolve();
  await operation.result;
  assert.deepEqual(heard, []);
});
