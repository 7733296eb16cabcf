import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { PagedMemory } from "./paged-memory.ts";

const folder = mkdtempSync(join(tmpdir(), "banger-pages-"));
after(() => rmSync(folder, { recursive: true }));

test("keeps what is written to its pages, however few are held", () => {
  const step = fc.record({ what: fc.constantFrom("add", "read", "change"), page: fc.nat(), byte: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 5 }), (steps, held) => {
      using memory = new PagedMemory(folder, 64, held);
      const wanted: number[] = [];
      for (const { what, page, byte } of steps) {
        const number = page % wanted.length;
        if (what === "add" || wanted.length === 0) {
          memory.addPage();
          wanted.push(0);
        } else if (what === "read") {
          assert.deepEqual(memory.read(number), Buffer.alloc(64, wanted[number]));
        } else {
          memory.change(number).fill(byte);
          wanted[number] = byte;
        }
      }
      assert.equal(memory.pageCount, wanted.length);
      for (const [number, byte] of wanted.entries()) assert.deepEqual(memory.read(number), Buffer.alloc(64, byte));
    }),
  );
  assert.deepEqual(readdirSync(folder), []);
});

test("has no file while all pages are held", () => {
  using memory = new PagedMemory(join(folder, "there-is-no-such-folder"), 64, 2);
  memory.addPage();
  memory.addPage();
  assert.throws(() => memory.addPage(), { code: "ENOENT" });
  assert.throws(() => memory.read(2), /no page 2/);
});
