import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { z } from "zod";
import { openCollection } from "./collection.ts";

const schema = z.object({ id: z.string(), name: z.string(), size: z.number() });

test("a row that does not read is left out and named, and takes no other with it", () => {
  using database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE vms (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL) STRICT");
  const noun = { table: "vms", singular: "VM", notFound: "VM_NOT_FOUND", listCommand: "banger vm list" } as const;
  const things = openCollection(database, noun, schema);
  const good = { id: "1", name: "good", size: 1 };
  for (const thing of [good, { ...good, id: "2", name: "newer" }, { ...good, id: "3", name: "damaged" }])
    things.insert(thing);
  database.exec(`UPDATE vms SET document = '{"id":"2","of":"tomorrow"}' WHERE id = '2'`);
  database.exec(`UPDATE vms SET document = '{"id":"3","na' WHERE id = '3'`);
  assert.deepEqual(things.list(), [good]);
  assert.deepEqual(things.broken(), [
    { id: "2", document: { id: "2", of: "tomorrow" } },
    { id: "3", document: undefined },
  ]);
  assert.equal(things.find("damaged"), undefined);
  assert.throws(() => things.insert({ ...good, id: "4", name: "damaged" }), { code: "NAME_TAKEN" });
});
