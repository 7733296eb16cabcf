import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { openCollection } from "./collection.ts";
import { openDatabase } from "./database.ts";
import { readInstance } from "./instance-row.ts";

const schema = z.object({ id: z.string(), name: z.string(), size: z.number() });
const noun = { table: "vms", singular: "VM", notFound: "VM_NOT_FOUND", listCommand: "banger vm list" } as const;

test("a row that does not read is left out and named, and takes no other with it", () => {
  using database = openDatabase(":memory:");
  const things = openCollection(database, noun, schema);
  const good = { id: "vm-1", name: "good", size: 1 };
  for (const thing of [good, { ...good, id: "vm-2", name: "newer" }, { ...good, id: "vm-3", name: "damaged" }])
    things.insert(thing);
  things.insert({ ...good, id: "vm-4", name: "other" });
  things.insert({ ...good, id: "vm-5", name: "escapes" });
  const replace = database.prepare("UPDATE vms SET document = ? WHERE id = ?");
  replace.run('{"id":"vm-2","of":"tomorrow"}', "vm-2");
  replace.run('{"id":"vm-3","na', "vm-3");
  replace.run('{"id":"vm-1","name":"other","size":1}', "vm-4");
  replace.run('{"id":"../../home","name":"escapes","size":1}', "vm-5");
  assert.deepEqual(things.list(), [good]);
  assert.deepEqual(
    things.broken().map(({ id, name, document }) => ({ id, name, document })),
    [
      { id: "vm-2", name: "newer", document: { id: "vm-2", of: "tomorrow" } },
      { id: "vm-3", name: "damaged", document: undefined },
      { id: "vm-4", name: "other", document: { id: "vm-1", name: "other", size: 1 } },
      { id: "vm-5", name: "escapes", document: { id: "../../home", name: "escapes", size: 1 } },
    ],
  );
  assert.match(things.broken()[0]?.why ?? "", /^name: /);
  assert.equal(things.find("damaged"), undefined);
  assert.throws(() => things.get("damaged"), { code: "RECORD_BROKEN", fix: /vm delete --force damaged/ });
  assert.throws(() => things.insert({ ...good, id: "vm-6", name: "damaged" }), { code: "NAME_TAKEN" });
  assert.deepEqual([...things.ids()], ["vm-1", "vm-2", "vm-3", "vm-4", "vm-5"]);
});

test("every change of an object is counted, and told with its number", () => {
  using database = openDatabase(":memory:");
  const told: string[] = [];
  const things = openCollection(database, noun, schema, {
    inserted: ({ id }, revision) => told.push(`${id} is new at ${revision}`),
    updated: ({ id }, revision) => told.push(`${id} changed at ${revision}`),
    kept: () => {},
  });
  things.insert({ id: "vm-1", name: "one", size: 1 });
  things.update({ id: "vm-1", name: "one", size: 2 });
  things.update({ id: "vm-2", name: "nobody", size: 2 });
  assert.throws(() => things.insert({ id: "vm-1", name: "two", size: 1 }), { code: "ERR_SQLITE_ERROR" });
  things.delete("vm-1");
  assert.deepEqual(told, ["vm-1 is new at 1", "vm-1 changed at 2"]);
  assert.equal(readInstance(database).revision, 4);
});
