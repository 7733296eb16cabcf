import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c, CRC32C_START, crc32cOfU32 } from "./crc32c.ts";
import { NameHash } from "./half-md4.ts";

test("crc32c of the check string, as RFC 3720 and others print it", () => {
  assert.equal(~crc32c(CRC32C_START, Buffer.from("123456789")) >>> 0, 0xe3069283);
  // RFC 3720, B.4: 32 bytes of zeros, of ones, and ascending.
  assert.equal(~crc32c(CRC32C_START, Buffer.alloc(32)) >>> 0, 0x8a9136aa);
  assert.equal(~crc32c(CRC32C_START, Buffer.alloc(32, 0xff)) >>> 0, 0x62a8ab43);
  assert.equal(~crc32c(CRC32C_START, Buffer.from(Array.from({ length: 32 }, (_, i) => i))) >>> 0, 0x46dd794e);
});

test("crc32c is the same however the bytes are parted", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
      const data = Buffer.from(bytes);
      const at = Math.min(cut, data.length);
      const parted = crc32c(crc32c(CRC32C_START, data, 0, at), data, at);
      assert.equal(parted, crc32c(CRC32C_START, data));
    }),
  );
});

test("crc32c of a number is that of its little-endian bytes", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31 - 1), fc.nat(2 ** 31 - 1), (crc, value) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(value);
      assert.equal(crc32cOfU32(crc, value), crc32c(crc, bytes));
    }),
  );
});

// What debugfs 1.47.0 answers to `dx_hash -h half_md4 -s 00112233-4455-6677-8899-aabbccddeeff NAME`. It takes bytes
// as signed, so only names in ASCII are here; that the kernel finds others is tested with the kernel.
const HASHES = [
  ["a", 0x93752ee6, 0x578c30ba],
  ["file", 0x4e6fbf3c, 0xdafe64d6],
  ["bbbb", 0x419bb004, 0x7463f7ed],
  ["name of thirty-two bytes, exactly", 0x15ddef88, 0x44bda07c],
  ["x".repeat(255), 0x5966f920, 0x26281ca3],
] as const;

test("names hash as e2fsprogs hashes them", () => {
  const hasher = new NameHash(Buffer.from("00112233445566778899aabbccddeeff", "hex"));
  for (const [name, major, minor] of HASHES) assert.deepEqual(hasher.hash(name), { major, minor });
});

test("the lowest bit of a hash is free for a flag", () => {
  const hasher = new NameHash(Buffer.alloc(16, 1));
  for (let i = 0; i < 1000; i += 1) assert.equal(hasher.hash(`name-${i}`).major % 2, 0);
});
