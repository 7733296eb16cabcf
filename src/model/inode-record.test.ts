import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Inode } from "./inode.ts";
import { decodeInode, encodeInode, recordLength } from "./inode-record.ts";

const u32 = fc.nat(2 ** 32 - 1);
const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength, size: "max" }).map((data) => Buffer.from(data));
const attributes = fc.record({
  mode: fc.nat(0o7777),
  uid: u32,
  gid: u32,
  mtimeSeconds: fc.maxSafeInteger(),
  mtimeNanoseconds: fc.nat(999_999_999),
  xattrs: fc.option(
    fc
      .uniqueArray(fc.tuple(bytes(300), bytes(3000)), {
        selector: ([name]) => name.toString("latin1"),
        minLength: 1,
        maxLength: 5,
      })
      .map((all) => new Map(all.map(([name, value]) => [name.toString("latin1"), value]))),
    { nil: undefined },
  ),
});
const extent = fc.record({ fileBlock: u32, diskBlock: u32, blocks: u32 }, { noNullPrototype: true });
const extents = fc.array(extent, { maxLength: 600, size: "max" });
const size = fc.nat(2 ** 48);
const target = bytes(5000).map((data) => data.toString("latin1"));

const inode: fc.Arbitrary<Inode> = fc
  .tuple(attributes, fc.constantFrom("file", "directory", "symlink", "char", "block", "fifo", "socket"), fc.nat())
  .chain(([common, type]): fc.Arbitrary<Inode> => {
    if (type === "file") return fc.record({ size, extents }).map((own) => ({ ...common, type, ...own }));
    if (type === "symlink") return target.map((text) => ({ ...common, type, target: text }));
    if (type !== "char" && type !== "block") return fc.constant({ ...common, type });
    return fc.record({ major: fc.nat(2 ** 20), minor: u32 }).map((own) => ({ ...common, type, ...own }));
  });

test("an inode comes back as it was, with nothing that a later one overwrites", () => {
  fc.assert(
    fc.property(inode, inode, (first, second) => {
      const record = encodeInode(first);
      assert.equal(recordLength(record), record.length);
      const decoded = decodeInode(first.type, record);
      record.fill(0xff);
      encodeInode(second);
      assert.deepEqual(decoded, first);
    }),
    { numRuns: 500 },
  );
});
