import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { BangerError } from "./errors.ts";
import { keyedQueue } from "./keyed-queue.ts";

const cancelled = (what: string): BangerError => new BangerError("CANCELLED", { what, fix: "run it again" });
const never = new AbortController().signal;

/** A task that says when it begins, and ends when it is told to. */
function task(name: string, seen: string[]) {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    end: resolve,
    run: async (): Promise<string> => {
      seen.push(name);
      await promise;
      return name;
    },
  };
}

test("who waits and gives up is told at once, and the others keep their order", async () => {
  const queue = keyedQueue();
  const seen: string[] = [];
  const [first, third, fourth] = [task("first", seen), task("third", seen), task("fourth", seen)];
  const giveUp = new AbortController();
  const running = queue.run("a", never, first.run);
  const waiting = queue.run("a", giveUp.signal, () => assert.fail("it was given up"));
  giveUp.abort(cancelled("had enough"));
  await assert.rejects(waiting, { message: "had enough" });

  const afterIt = queue.run("a", never, third.run);
  const last = queue.run("a", never, fourth.run);
  await turn();
  assert.deepEqual(seen, ["first"]);
  first.end();
  assert.equal(await running, "first");
  await turn();
  assert.deepEqual(seen, ["first", "third"]);
  third.end();
  fourth.end();
  assert.deepEqual(await Promise.all([afterIt, last]), ["third", "fourth"]);
});

test("tasks of different keys run side by side", async () => {
  const queue = keyedQueue();
  const seen: string[] = [];
  const one = task("one", seen);
  const running = queue.run("a", never, one.run);
  assert.equal(await queue.run("b", never, async () => "b"), "b");
  one.end();
  await running;
});

test("what goes first cancels what runs and what waits, with its reason, and runs when that has ended", async () => {
  const queue = keyedQueue();
  const seen: string[] = [];
  const reason = cancelled("somebody else goes first");
  const running = queue.run("a", never, async (signal) => {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    await turn();
    seen.push("undone");
    throw signal.reason;
  });
  const waiting = queue.run("a", never, () => assert.fail("it must not begin"));
  const elsewhere = queue.run("b", never, async () => "unharmed");
  await turn();
  const first = queue.runFirst("a", { signal: never, reason, patienceMs: 60_000 }, async () => {
    seen.push("first");
    return "ended";
  });
  const later = queue.run("a", never, async () => seen.push("later"));
  await Promise.all([assert.rejects(running, reason), assert.rejects(waiting, reason)]);
  assert.equal(await first, "ended");
  await later;
  assert.equal(await elsewhere, "unharmed");
  assert.deepEqual(seen, ["undone", "first", "later"]);
});

test("what goes first waits for a task that ignores its signal no longer than it has patience", async () => {
  const queue = keyedQueue();
  const seen: string[] = [];
  const deaf = task("deaf", seen);
  const running = queue.run("a", never, deaf.run);
  await turn();
  await queue.runFirst("a", { signal: never, reason: cancelled("over"), patienceMs: 20 }, async () =>
    seen.push("first"),
  );
  assert.deepEqual(seen, ["deaf", "first"]);
  deaf.end();
  assert.equal(await running, "deaf");
  assert.equal(await queue.run("a", never, async () => "goes on"), "goes on");
});
