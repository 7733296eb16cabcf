import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { buildKernel } from "../../../test/helpers/elf-builder.ts";
import { BZ_HEADER_BYTES, parseBzImage, unpackBzImage } from "./bz-image.ts";

const KERNEL = buildKernel("6.1.0-test");

/** As the kernel's build does it to all but gzip. */
function withSize(packed: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(KERNEL.length);
  return Buffer.concat([packed, size]);
}

const xz = (...args: string[]): Buffer =>
  execFileSync("xz", ["--check=crc32", ...args, "-c"], { input: KERNEL, maxBuffer: 1e8 });

for (const [name, payload] of [
  ["gzip", gzipSync(KERNEL)],
  ["zstd", withSize(zstdCompressSync(KERNEL))],
  ["xz", withSize(xz())],
  ["nothing", KERNEL],
] as const) {
  test(`unpacks a payload packed with ${name}`, async () => {
    assert.deepEqual(await unpackBzImage(payload, "it"), { kind: "elf", elf: KERNEL });
  });
}

test("leaves a payload inside that no library here unpacks", async () => {
  for (const payload of [
    xz("--x86", "--lzma2=dict=1MiB"),
    Buffer.from("BZh91AY&SY etc"),
    Buffer.from("]\0\0\x80\0\0\0\0"),
  ]) {
    assert.equal((await unpackBzImage(withSize(payload), "it")).kind, "unsupported");
  }
});

test("refuses a payload that is damaged, of another length than it says, or of no known format", async () => {
  const invalid = { code: "ARCHIVE_INVALID" };
  const packed = zstdCompressSync(KERNEL);
  await assert.rejects(unpackBzImage(withSize(packed.subarray(0, packed.length / 2)), "it"), invalid);
  await assert.rejects(unpackBzImage(Buffer.concat([packed, Buffer.from([9, 0, 0, 0])]), "it"), invalid);
  await assert.rejects(unpackBzImage(Buffer.concat([packed, Buffer.from([255, 255, 255, 255])]), "it"), invalid);
  await assert.rejects(unpackBzImage(Buffer.from("neither this nor that"), "it"), invalid);
  await assert.rejects(unpackBzImage(Buffer.alloc(0), "it"), invalid);
});

test("reads the setup header", () => {
  const start = Buffer.alloc(BZ_HEADER_BYTES);
  assert.equal(parseBzImage(start), undefined);
  start[0x1f1] = 39;
  start.writeUInt16LE(0xaa55, 0x1fe);
  start.write("HdrS", 0x202);
  start.writeUInt16LE(0x20f, 0x206);
  start.writeUInt16LE(0x3000, 0x20e);
  start.writeUInt32LE(716, 0x248);
  start.writeUInt32LE(14_063_308, 0x24c);
  assert.deepEqual(parseBzImage(start), {
    payloadOffset: 40 * 512 + 716,
    payloadBytes: 14_063_308,
    versionOffset: 0x3200,
  });
  start.writeUInt16LE(0x0207, 0x206);
  assert.equal(parseBzImage(start), undefined, "too old to have a payload");
});
