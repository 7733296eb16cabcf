import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { entryNames } from "../../formats/tar/entry-names.ts";
import { EntryPathReader } from "./entry-path.ts";

const path = fc.array(fc.constantFrom("a", "bb", "..", ".", ""), { maxLength: 5 }).map((names) => names.join("/"));

/** What a reading gives, or how it is refused. */
function outcome<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    return String(error);
  }
}

test("a path means the same whatever was read before it", () => {
  fc.assert(
    fc.property(fc.array(path, { maxLength: 12 }), (paths) => {
      const reader = new EntryPathReader();
      for (const text of paths) {
        const found = outcome(() => {
          const { parents, name } = reader.read(text);
          return name === "" ? [...parents] : [...parents, name];
        });
        assert.deepEqual(
          found,
          outcome(() => entryNames(text)),
          JSON.stringify(text),
        );
      }
    }),
    { numRuns: 2000 },
  );
});

test("names of one directory have the same parents, not only equal ones", () => {
  const reader = new EntryPathReader();
  const first = reader.read("./usr/bin/a");
  assert.equal(reader.read("./usr/bin/b/").parents, first.parents);
  assert.deepEqual(reader.read("./usr/b").parents, ["usr"]);
});

test("a path that is too long is refused, and so is one name of it, though its directory is known", () => {
  const reader = new EntryPathReader();
  reader.read("usr/a");
  assert.throws(() => reader.read(`usr/${"b".repeat(256)}`), /a name of 256 bytes/);
  const deep = "d/".repeat(2048);
  assert.equal(reader.read(deep).parents.length, 2047);
  assert.throws(() => reader.read(`${deep}a`), /a path of 4097 bytes/);
});
