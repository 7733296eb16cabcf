import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BangerError } from "../lib/errors.ts";
import { aclFromDisk, aclToDisk } from "./posix-acl.ts";

const NAMED = [0x02, 0x08];
const entry = fc.record({
  tag: fc.constantFrom(0x01, 0x02, 0x04, 0x08, 0x10, 0x20),
  perm: fc.nat(7),
  id: fc.nat(2 ** 32 - 1),
});

function toXattr(entries: readonly { tag: number; perm: number; id: number }[]): Buffer {
  const acl = Buffer.alloc(4 + 8 * entries.length);
  acl.writeUInt32LE(2, 0);
  entries.forEach(({ tag, perm, id }, i) => {
    acl.writeUInt16LE(tag, 4 + 8 * i);
    acl.writeUInt16LE(perm, 6 + 8 * i);
    acl.writeUInt32LE(NAMED.includes(tag) ? id : 0xffffffff, 8 + 8 * i);
  });
  return acl;
}

test("an ACL comes back from disk as it was", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 30 }), (entries) => {
      const acl = toXattr(entries);
      const disk = aclToDisk(acl);
      const named = entries.filter(({ tag }) => NAMED.includes(tag)).length;
      assert.equal(disk.length, 4 + 4 * entries.length + 4 * named);
      assert.deepEqual(aclFromDisk(disk), acl);
    }),
  );
});

test("what is no ACL is refused on its way in, and not made up on its way out", () => {
  for (const bad of ["", "02", "01000000", "0200000001", "020000000300070000000000", "0200000001000700"]) {
    assert.throws(
      () => aclToDisk(Buffer.from(bad, "hex")),
      (error) => error instanceof BangerError && error.code === "EXT4_LIMIT",
    );
  }
  for (const bad of ["", "01", "02000000", "0100000001", "010000000200070000"]) {
    assert.equal(aclFromDisk(Buffer.from(bad, "hex")), undefined);
  }
});
