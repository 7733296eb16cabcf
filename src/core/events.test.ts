import assert from "node:assert/strict";
import { test } from "node:test";
import type { BangerEvent } from "../model/event.ts";
import { onBehalfOf } from "./cause.ts";
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
  store.toys.delete("toy-bear");
  assert.deepEqual(
    store.events.since(0).map(({ operation, caller }) => [operation, caller]),
    [
      ["op-1", "owner"],
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
  store.toys.insert(newToy("bear"));
  store.atomically(() => {
    for (let n = 0; n < 11_000; n += 1) store.toys.transition("toy-bear", "painted", { colour: String(n) });
  });
  const kept = store.events.since(store.events.last() - 10_000);
  assert.equal(kept.length, 10_000);
  assert.throws(() => store.events.since(0), { code: "EVENTS_GONE" });
  assert.throws(() => store.events.since(store.events.last() + 1), { code: "EVENTS_GONE" });
  assert.deepEqual(store.events.since(store.events.last()), []);
});
