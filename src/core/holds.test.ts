import assert from "node:assert/strict";
import { test } from "node:test";
import { holdersOf } from "./holders.ts";
import { openStore } from "./store.ts";
import { newToy, toyTable } from "./testing/toys.ts";

const openToys = () => openStore(":memory:", { toys: toyTable });
const names = (store: ReturnType<typeof openToys>, ref: string) =>
  holdersOf(store, "box", [ref]).map(({ name, isBroken }) => (isBroken ? `${name}, broken` : name));

test("what an object holds follows its row, and goes with it", () => {
  using store = openToys();
  const { toys, holds } = store;
  toys.insert({ ...newToy("bear"), box: "large" });
  toys.insert({ ...newToy("wolf"), box: "small" });
  assert.deepEqual(names(store, "large"), ["bear"]);
  toys.transition("toy-bear", "painted", { box: "small" });
  assert.deepEqual([names(store, "large"), names(store, "small")], [[], ["bear", "wolf"]]);
  toys.delete("toy-wolf");
  assert.deepEqual(names(store, "small"), ["bear"]);
  assert.deepEqual(holds.held("box"), new Set(["small"]));
});

test("a change that is undone leaves holds as they were", () => {
  using store = openToys();
  store.toys.insert({ ...newToy("bear"), box: "large" });
  assert.throws(() =>
    store.atomically(() => {
      store.toys.transition("toy-bear", "painted", { box: undefined });
      throw new Error("no");
    }),
  );
  assert.deepEqual(names(store, "large"), ["bear"]);
});

test("a row that does not read goes on holding what it held", () => {
  using store = openToys();
  store.toys.insert({ ...newToy("bear"), box: "large" });
  store.database.exec("UPDATE toys SET document = '{'");
  assert.deepEqual([names(store, "large"), names(store, "small")], [["bear, broken"], []]);
});
