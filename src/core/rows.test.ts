import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import { openStore } from "./store.ts";
import { newToy, toyTable } from "./testing/toys.ts";

const openToys = () => openStore(":memory:", { toys: toyTable });

test("a row that does not read is left out and named, and takes no other with it", () => {
  using store = openToys();
  const { toys, database } = store;
  const good = newToy("good");
  for (const toy of [good, newToy("newer"), newToy("damaged"), newToy("other"), newToy("escapes")]) toys.insert(toy);
  const replace = database.prepare("UPDATE toys SET document = ? WHERE id = ?");
  replace.run('{"id":"toy-newer","of":"tomorrow"}', "toy-newer");
  replace.run('{"id":"toy-damaged","na', "toy-damaged");
  replace.run(JSON.stringify({ ...good, name: "other" }), "toy-other");
  replace.run(JSON.stringify({ ...good, id: "../../home", name: "escapes" }), "toy-escapes");
  assert.deepEqual(toys.list(), [good]);
  assert.deepEqual(
    toys.broken().map(({ id, name, document }) => ({ id, name, document })),
    [
      { id: "toy-newer", name: "newer", document: { id: "toy-newer", of: "tomorrow" } },
      { id: "toy-damaged", name: "damaged", document: undefined },
      { id: "toy-other", name: "other", document: { ...good, name: "other" } },
      { id: "toy-escapes", name: "escapes", document: { ...good, id: "../../home", name: "escapes" } },
    ],
  );
  assert.match(toys.broken()[0]?.why ?? "", /^name: /);
  assert.equal(toys.find("damaged"), undefined);
  assert.throws(() => toys.get("damaged"), { code: "RECORD_BROKEN", fix: /toy delete --force damaged/ });
  assert.throws(() => toys.insert({ ...newToy(), name: "damaged" }), { code: "NAME_TAKEN" });
  assert.equal(toys.ids().size, 5);
});

test("a step is taken from the states that its noun's table names, and from no other", () => {
  using store = openToys();
  const { toys } = store;
  const toy = newToy("bear");
  toys.insert(toy);
  assert.throws(() => toys.transition(toy.id, "broken"), {
    code: "VM_WRONG_STATE",
    what: "toy bear is new: no broken",
  });
  assert.deepEqual(toys.get("bear"), toy, "what is refused changes nothing");
  assert.equal(toys.transition(toy.id, "wound", { size: 2 }).state, "wound");
  assert.equal(toys.transition(toy.id, "broken").state, "broken");
  assert.throws(() => toys.transition(toy.id, "renamed", { name: "wolf" }), { code: "VM_WRONG_STATE" });
  assert.throws(() => toys.transition("toy-nobody", "painted"), { code: "PATH_NOT_FOUND" });
  assert.equal(toys.transitionIfThere("toy-nobody", "painted"), undefined);
});

test("two that change one object at once both have what they set", async () => {
  using store = openToys();
  const { toys } = store;
  const { id } = newToy("bear");
  toys.insert(newToy("bear"));
  const paint = async (): Promise<void> => {
    const seen = toys.get(id);
    await setImmediate();
    toys.transition(seen.id, "painted", { colour: "red" });
  };
  const wind = async (): Promise<void> => {
    const seen = toys.get(id);
    await setImmediate();
    toys.transition(seen.id, "wound", ({ size }) => ({ size: size + 1 }));
  };
  await Promise.all([paint(), wind(), paint()]);
  assert.deepEqual(toys.get(id), { ...newToy("bear"), state: "wound", colour: "red", size: 2 });
});

test("an object that was read before cannot be written back whole", () => {
  using store = openToys();
  const { toys } = store;
  toys.insert(newToy("bear"));
  const stale = toys.get("bear");
  toys.transition(stale.id, "painted", { colour: "red" });
  // @ts-expect-error -- it says of every field what it was once
  toys.transition(stale.id, "painted", { ...stale, size: 3 });
  // @ts-expect-error -- a state follows from a step alone
  toys.transition(stale.id, "painted", { state: "broken" });
  // @ts-expect-error -- no such step
  assert.throws(() => toys.transition(stale.id, "sold"));
});

test("a field that is set to nothing is gone, and a name that is taken stays another's", () => {
  using store = openToys();
  const { toys } = store;
  toys.insert({ ...newToy("bear"), colour: "red" });
  toys.insert(newToy("wolf"));
  assert.deepEqual(toys.transition("toy-bear", "painted", { colour: undefined }), newToy("bear"));
  assert.throws(() => toys.transition("toy-bear", "renamed", { name: "wolf" }), { code: "NAME_TAKEN" });
  assert.equal(toys.transition("toy-bear", "renamed", { name: "fox" }).name, "fox");
  assert.equal(toys.find("bear"), undefined);
});

test("every change is counted and is an event; what is undone is neither", () => {
  using store = openToys();
  const { toys, events } = store;
  toys.insert(newToy("bear"));
  toys.transition("toy-bear", "wound", { size: 5 });
  assert.throws(() =>
    store.atomically(() => {
      toys.transition("toy-bear", "painted", { colour: "red" });
      throw new Error("no");
    }),
  );
  assert.throws(() => toys.insert({ ...newToy("wolf"), id: "toy-bear" }), { code: "ERR_SQLITE_ERROR" });
  toys.delete("toy-bear");
  toys.delete("toy-bear");
  assert.deepEqual(
    events.since(0).map(({ noun, id, name, step, state, changed }) => [noun, id, name, step, state, changed]),
    [
      ["toy", "toy-bear", "bear", "created", "new", []],
      ["toy", "toy-bear", "bear", "wound", "wound", ["state", "size"]],
      ["toy", "toy-bear", "bear", "deleted", undefined, []],
    ],
  );
  assert.equal(store.instance().revision, 4);
});
