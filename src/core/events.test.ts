import assert from "node:assert/strict";
import { test } from "node:test";
import type { BangerEvent } from "../model/event.ts";
import { ofOwnAccord, onBehalfOf } from "./cause.ts";
import { openStore } from "./store.ts";
import { newToy, toyTable } from "./testing/toys.ts";

const openToys = () => openStore(":memory:", { toys: toyTable });

/** The next so many events. */
async function take(events: AsyncIterable<BangerEvent>, count: number): Promise<readonly BangerEvent[]> {
  const taken: BangerEvent[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) return taken;
  }
  return taken;
}

test("an event says on whose behalf it came, and the daemon's own are its own", async () => {
  using store = openToys();
  await onBehalfOf({ operation: "op-1", caller: "owner" }, async () => {
    await Promise.resolve();
    store.toys.insert(newToy("bear"));
  });
  const watched = onBehalfOf({ operation: "op-1", caller: "owner" }, () =>
    ofOwnAccord(() => store.toys.transition("toy-bear", "painted")),
  );
  assert.equal(watched.name, "bear");
  store.toys.delete("toy-bear");
  assert.deepEqual(
    store.events.since(0).map(({ operation, caller }) => [operation, caller]),
    [
      ["op-1", "owner"],
      [undefined, "daemon"],
      [undefined, "daemon"],
    ],
  );
});

test("who follows has those that were, then those that come, each once and in order", async (t) => {
  using store = openToys();
  store.toys.insert(newToy("bear"));
  const all = take(store.events.follow(0, {}, t.signal), 4);
  const later = take(store.events.follow(store.events.last(), {}, t.signal), 3);
  const ofWolf = take(store.events.follow(0, { ref: "wolf", step: "wound" }, t.signal), 1);
  await new Promise(setImmediate);
  store.toys.insert(newToy("wolf"));
  store.toys.transition("toy-bear", "painted", { colour: "red" });
  store.toys.transition("toy-wolf", "wound");
  assert.deepEqual(
    (await all).map(({ name, step }) => `${name} ${step}`),
    ["bear created", "wolf created", "bear painted", "wolf wound"],
  );
  assert.deepEqual(
    (await all).map(({ seq }) => seq),
    [1, 2, 3, 4],
  );
  assert.deepEqual(
    (await later).map(({ seq }) => seq),
    [2, 3, 4],
  );
  assert.deepEqual(
    (await ofWolf).map(({ seq }) => seq),
    [4],
  );
});

test("following ends with its signal, whether or not anything happens", async () => {
  using store = openToys();
  const ending = new AbortController();
  const following = take(store.events.follow(0, {}, ending.signal), 1);
  ending.abort();
  await assert.rejects(following, { code: "CANCELLED" });
});

test("the newest thousands are kept; who is further behind is told so, and numbers go on", () => {
  using store = openToys();
  const painted = { noun: "toy", id: "toy-bear", name: "bear", step: "painted", changed: [] };
  store.atomically(() => {
    for (let n = 0; n < 11_000; n += 1) store.events.append(painted);
  });
  const kept = store.events.since(store.events.last() - 10_000);
  assert.equal(kept.length, 10_000);
  assert.throws(() => store.events.since(0), { code: "EVENTS_GONE" });
  assert.throws(() => store.events.since(store.events.last() + 1), { code: "EVENTS_GONE" });
  assert.deepEqual(store.events.since(store.events.last()), []);
});

const painted = { noun: "toy", id: "toy-bear", name: "bear", step: "painted", changed: [] };

test("more events than are read at once come all, each once; an event's end wakes who waits", async (t) => {
  using store = openToys();
  store.atomically(() => {
    for (let n = 0; n < 450; n += 1) store.events.append(painted);
  });
  const all = await take(store.events.follow(0, {}, t.signal), 450);
  assert.deepEqual(
    all.map(({ seq }) => seq),
    Array.from({ length: 450 }, (_, n) => n + 1),
  );
  store.toys.insert(newToy("wolf"));
  const next = take(store.events.follow(store.events.last(), {}, t.signal), 1);
  await new Promise(setImmediate);
  store.toys.delete("toy-wolf");
  assert.equal((await next)[0]?.step, "deleted");
});

test("events go by five hundred, when ten thousand newer ones are there", () => {
  using store = openToys();
  const append = (count: number): number => {
    store.atomically(() => {
      for (let n = 0; n < count; n += 1) store.events.append(painted);
    });
    return store.events.oldest();
  };
  assert.equal(store.events.oldest(), 0);
  assert.deepEqual([append(1), append(10_398), append(100), append(1), append(1)], [0, 0, 0, 500, 500]);
  store.events.check(500);
  assert.throws(() => store.events.check(499), { code: "EVENTS_GONE" });
});

test("where no event is kept, numbers go on and who saw fewer is told so", () => {
  using store = openToys();
  store.events.check(0);
  store.toys.insert(newToy("bear"));
  store.database.exec("DELETE FROM events");
  assert.deepEqual([store.events.last(), store.events.oldest(), store.events.since(1)], [1, 1, []]);
  assert.throws(() => store.events.since(0), { code: "EVENTS_GONE" });
  store.toys.insert(newToy("wolf"));
  assert.equal(store.events.since(1)[0]?.seq, 2);
});

test("who waits for one thing only falls behind by nothing that is another's", async (t) => {
  using store = openToys();
  const wanted = take(store.events.follow(0, { noun: "toy", ref: "wolf" }, t.signal), 1);
  for (let n = 0; n < 4; n += 1) {
    store.atomically(() => {
      for (let many = 0; many < 3_000; many += 1) store.events.append(painted);
    });
    store.events.announce();
    await new Promise(setImmediate);
  }
  store.toys.insert(newToy("wolf"));
  assert.equal((await wanted)[0]?.seq, 12_001);
});

test("who follows from where nothing is kept, or does not want to any more, is told at once", async (t) => {
  using store = openToys();
  await assert.rejects(take(store.events.follow(7, {}, t.signal), 1), { code: "EVENTS_GONE" });
  store.toys.insert(newToy("bear"));
  const following = take(store.events.follow(0, {}, AbortSignal.abort(new Error("no more"))), 1);
  await assert.rejects(following, /no more/);
});
