import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { layoutFrom } from "../model/layout.ts";
import { readDescription } from "./descriptions.ts";
import { holdersOf } from "./holders.ts";
import { openStore, storeWith, type Store } from "./store.ts";
import { defineTable } from "./table.ts";
import { newToy, toySchema, toyTable } from "./testing/toys.ts";

/** A noun without states, without holds, and with nothing to say of what it refuses. */
const plainTable = defineTable({
  table: "plain",
  noun: "plain",
  singular: "plain",
  notFound: "PATH_NOT_FOUND",
  listCommand: "banger plain list",
  schema: toySchema.omit({ state: true }),
  steps: { painted: { from: ["new"] } },
});
const { state: _state, ...plain } = newToy("plain");

async function newHome(t: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "banger-core-store-"));
  t.after(() => rm(home, { recursive: true }));
  return home;
}

test("what an older banger's objects hold is noted when its state is opened, of those that do not read too", async (t) => {
  const path = join(await newHome(t), "banger.db");
  const tables = { toys: toyTable, plains: plainTable };
  {
    using store = openStore(path, tables);
    store.plains.insert(plain);
    for (const [name, box] of Object.entries({ bear: "a", wolf: "b", fox: "c" }))
      store.toys.insert({ ...newToy(name), box });
    store.database.exec("DELETE FROM holds WHERE id <> 'toy-fox'");
    store.database.exec(`UPDATE toys SET document = '{"box":"b","of":"tomorrow"}' WHERE id = 'toy-wolf'`);
  }
  using store = openStore(path, tables);
  assert.deepEqual(store.holds.held("box"), new Set(["a", "b", "c"]));
  assert.deepEqual(
    holdersOf(store, "box", ["a", "b", "x"]).map(({ name, isBroken }) => [name, isBroken]),
    [
      ["bear", false],
      ["wolf", true],
    ],
  );
  store.database.exec(`UPDATE toys SET document = '{"box":"z"}' WHERE id = 'toy-fox'`);
  store.database.exec(`UPDATE toys SET document = replace(document, '"box":"a"', '"box":"z"') WHERE id = 'toy-bear'`);
  store.holds.drop({ noun: "toy", id: "toy-wolf" });
  store.noteHolds();
  assert.deepEqual(store.holds.held("box"), new Set(["a", "b", "c"]), "what is known already is left as it is");
});

test("a record that does not even say what it holds may hold anything", () => {
  using store = openStore(":memory:", { toys: toyTable });
  store.toys.insert({ ...newToy("bear"), box: "a" });
  store.toys.insert(newToy("wolf"));
  assert.deepEqual([store.holds.held("box"), store.holds.held("tin")], [new Set(["a"]), new Set()]);
  store.holds.set({ noun: "toy", id: "toy-wolf" }, undefined);
  assert.deepEqual([store.holds.held("box"), store.holds.held("tin")], [undefined, undefined]);
  assert.deepEqual(store.holds.of("tin", ["x"]), [{ noun: "toy", id: "toy-wolf" }]);
  assert.deepEqual(
    store.holds.of("box", ["a", "a"]).map(({ id }) => id),
    ["toy-bear", "toy-wolf"],
    "each once",
  );
  assert.deepEqual(store.holds.list("box"), [{ noun: "toy", id: "toy-bear", ref: "a" }], "what is certain");
});

test("an object that is gone holds nothing, and is not known", () => {
  using store = openStore(":memory:", { toys: toyTable });
  const bear = { noun: "toy", id: "toy-bear" };
  store.toys.insert({ ...newToy("bear"), box: "a" });
  assert.ok(store.holds.knows(bear));
  store.toys.delete("toy-bear");
  assert.deepEqual([store.holds.knows(bear), store.holds.held("box")], [false, new Set()]);
});

test("holders are told by their own nouns' words, and those that nobody knows are not", () => {
  using store = openStore(":memory:", { plains: plainTable, toys: toyTable });
  const box = [{ kind: "box", ref: "a" }];
  store.toys.insert({ ...newToy("wolf"), box: "a" });
  store.plains.insert(plain);
  const others = [
    ["plain", plain.id],
    ["toy", "toy-gone"],
    ["car", "toy-wolf"],
  ] as const;
  for (const [noun, id] of others) store.holds.set({ noun, id }, box);
  assert.deepEqual(holdersOf(store, "box", ["a"]), [
    { noun: "plain", singular: "plain", id: plain.id, name: "plain", isBroken: false },
    { noun: "toy", singular: "toy", id: "toy-wolf", name: "wolf", isBroken: false },
  ]);
});

test("what has no states takes its steps at any time, and its events name none", () => {
  using store = openStore(":memory:", { plains: plainTable });
  store.plains.insert(plain);
  assert.deepEqual(store.plains.transition(plain.id, "painted", { colour: "red" }), { ...plain, colour: "red" });
  assert.deepEqual(
    store.events.since(0).map((event) => Object.hasOwn(event, "state")),
    [false, false],
  );
  const gone = "gone" as "painted";
  assert.throws(() => store.plains.transition(plain.id, gone), /a plain has no step gone/);
});

test("a noun that says nothing of what it refuses refuses it all the same", () => {
  using store = openStore(":memory:", { toys: { ...toyTable, refuse: undefined } as unknown as typeof toyTable });
  store.toys.insert(newToy("bear"));
  assert.throws(() => store.toys.transition("toy-bear", "broken"), /toy bear is new: no step broken/);
});

test("a row that bears another's name is damaged; one that is no JSON says so", () => {
  using store = openStore(":memory:", { toys: toyTable });
  for (const name of ["bear", "wolf"]) store.toys.insert(newToy(name));
  const replace = store.database.prepare("UPDATE toys SET document = ? WHERE id = ?");
  replace.run(JSON.stringify({ ...newToy("bear"), name: "fox" }), "toy-bear");
  replace.run("{", "toy-wolf");
  const [bear, wolf] = store.toys.broken();
  assert.match(bear?.why ?? "", /another id or name/);
  assert.match(wolf?.why ?? "", /^it is not JSON: /);
});

test("an object that may be gone is changed where it is there", () => {
  using store = openStore(":memory:", { toys: toyTable });
  store.toys.insert(newToy("bear"));
  assert.equal(store.toys.transitionIfThere("toy-bear", "painted", { colour: "red" })?.colour, "red");
  assert.equal(store.toys.get("bear").colour, "red");
});

test("objects are described in their folders where a store has any, and the end of a store closes its file", async (t) => {
  const home = await newHome(t);
  const layout = layoutFrom({ HOME: home, XDG_RUNTIME_DIR: home });
  const failures: unknown[] = [];
  const folder = join(home, "toys");
  const described = { ...toyTable, folder: () => ({ folder, file: "toy.json" }) };
  const store = openStore(
    ":memory:",
    { toys: described, plains: plainTable },
    { layout, onFailure: (e) => failures.push(e) },
  );
  store.toys.insert(newToy("bear"));
  const told = () => readDescription(join(folder, "toy-bear", "toy.json"));
  assert.deepEqual(told(), { banger: 1, instance: "", revision: 1, object: newToy("bear") });
  const painted = store.toys.transition("toy-bear", "painted", { colour: "red" });
  assert.deepEqual(told(), { banger: 1, instance: "", revision: 2, object: painted });
  await rm(folder, { recursive: true });
  store.describeAll();
  assert.deepEqual([told().object, failures], [painted, []]);
  store[Symbol.dispose]();
  assert.equal(store.database.isOpen, false);
});

test("a noun is given the store only if the rows that it needs are in it", () => {
  using opened = openStore(":memory:", { toys: toyTable });
  const store = opened as unknown as Store;
  assert.equal(storeWith<typeof opened>(store, "toys"), opened);
  const other = storeWith<typeof opened & { readonly cars: unknown }>;
  assert.throws(() => other(store, "toys", "cars"), /^Error: the store has no cars$/);
});
