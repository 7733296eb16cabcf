import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newFile, type Attributes, type Extent } from "./file-tree.ts";

const run = fc.record({
  fileBlock: fc.oneof(fc.constant(0), fc.nat(2 ** 31)),
  diskBlock: fc.nat(2 ** 48),
  blocks: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
});
const file = fc.record({
  mode: fc.nat(0o7777),
  uid: fc.nat(2 ** 32 - 1),
  gid: fc.nat(2 ** 32 - 1),
  mtimeSeconds: fc.maxSafeInteger(),
  mtimeNanoseconds: fc.nat(999_999_999),
  xattrs: fc.option(fc.constant(new Map([["user.a", Buffer.from("1")]])), { nil: undefined }),
  size: fc.nat(Number.MAX_SAFE_INTEGER),
  links: fc.nat(2_000_000),
  runs: fc.array(run, { maxLength: 3 }),
});

test("files keep what each of them was given, however many there are", () => {
  fc.assert(
    fc.property(fc.array(file, { maxLength: 50 }), (wanted) => {
      const files = wanted.map(({ size, runs, links, ...attributes }) => {
        const made = newFile(attributes satisfies Attributes, size, chain(runs));
        made.links = links;
        return made;
      });
      for (const [i, { size, runs, links, ...attributes }] of wanted.entries()) {
        const found = files[i] ?? assert.fail();
        const { mode, uid, gid, mtimeSeconds, mtimeNanoseconds, xattrs } = found;
        assert.deepEqual({ mode, uid, gid, mtimeSeconds, mtimeNanoseconds, xattrs }, attributes);
        assert.deepEqual([found.type, found.size, found.links], ["file", size, links]);
        assert.deepEqual(found.extents, chain(runs));
      }
    }),
  );
});

function chain(runs: readonly Omit<Extent, "next">[]): Extent | undefined {
  return runs.reduceRight<Extent | undefined>((next, each) => ({ ...each, next }), undefined);
}
