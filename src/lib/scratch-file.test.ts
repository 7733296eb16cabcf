import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { ScratchFile } from "./scratch-file.ts";

const folder = mkdtempSync(join(tmpdir(), "banger-scratch-"));
after(() => rmSync(folder, { recursive: true }));

test("gives back what was appended, from memory and from the file, in any order", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40_000, size: "max" }), { maxLength: 20 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 1000 }), (all, tailBytes) => {
      using scratch = new ScratchFile(folder, tailBytes);
      const stored = all.map((piece) => ({ piece: Buffer.from(piece), at: scratch.append(Buffer.from(piece)) }));
      assert.equal(
        scratch.length,
        all.reduce((sum, piece) => sum + piece.length, 0),
      );
      for (const { piece, at } of [...stored, ...stored.toReversed()]) {
        assert.deepEqual(scratch.read(at, piece.length).subarray(0, piece.length), piece);
      }
      const whole = Buffer.concat(all);
      const third = Math.floor(whole.length / 3);
      for (const [from, to] of [
        [0, whole.length],
        [0, third],
        [third, 2 * third],
        [2 * third, whole.length],
        [whole.length, whole.length],
      ] as const) {
        const part = Buffer.alloc(to - from);
        scratch.readInto(part, from);
        assert.deepEqual(part, whole.subarray(from, to));
      }
    }),
    { numRuns: 50 },
  );
});

test("has no file while all of it fits into memory, and never one with a name", () => {
  using scratch = new ScratchFile(join(folder, "there-is-no-such-folder"), 10);
  scratch.append(Buffer.alloc(10));
  assert.throws(() => scratch.append(Buffer.alloc(1)), { code: "ENOENT" });
  using other = new ScratchFile(folder, 10);
  other.append(Buffer.alloc(100, 1));
  assert.deepEqual(readdirSync(folder), []);
});

test("does not read what was never written", () => {
  using scratch = new ScratchFile(folder, 10);
  const at = scratch.append(Buffer.alloc(20));
  assert.throws(() => scratch.read(at + 10, 11), /past its end/);
  assert.throws(() => scratch.read(-1, 1), /past its end/);
});
