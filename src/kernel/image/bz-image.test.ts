import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempDisposable, open, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { buildKernel } from "../../../test/helpers/elf-builder.ts";
import { collect } from "../../formats/byte-reader.ts";
import { BZ_HEADER_BYTES, parseBzImage, unpackBzImage } from "./bz-image.ts";

const KERNEL = buildKernel("6.1.0-test");

/** As the kernel's build does it to all but gzip. */
function withSize(packed: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(KERNEL.length);
  return Buffer.concat([packed, size]);
}

/** What comes out of a payload; undefined where it stays inside. */
async function unpack(payload: Buffer): Promise<Buffer | undefined> {
  await using dir = await mkdtempDisposable(join(tmpdir(), "banger-bz-"));
  const path = join(dir.path, "image");
  await writeFile(path, Buffer.concat([Buffer.alloc(100), payload, Buffer.alloc(100)]));
  await using file = await open(path);
  const image = { payloadOffset: 100, payloadBytes: payload.length, versionOffset: undefined };
  const unpacked = await unpackBzImage(file, image, "it");
  return unpacked.kind === "elf" ? await collect(unpacked.content, 10 * KERNEL.length, "it") : undefined;
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
    assert.deepEqual(await unpack(payload), KERNEL);
  });
}

test("leaves a payload inside that no library here unpacks", async () => {
  for (const payload of [
    xz("--x86", "--lzma2=dict=1MiB"),
    Buffer.from("BZh91AY&SY etc"),
    Buffer.from("]\0\0\x80\0\0\0\0"),
  ]) {
    assert.equal(await unpack(withSize(payload)), undefined);
  }
});

test("refuses a payload that is damaged, of another length than it says, or of no known format", async () => {
  const invalid = { code: "ARCHIVE_INVALID" };
  const packed = zstdCompressSync(KERNEL);
  await assert.rejects(unpack(withSize(packed.subarray(0, packed.length / 2))), invalid);
  await assert.rejects(unpack(Buffer.concat([packed, Buffer.from([9, 0, 0, 0])])), invalid);
  await assert.rejects(unpack(Buffer.concat([packed, Buffer.from([255, 255, 255, 255])])), invalid);
  await assert.rejects(unpack(Buffer.from("neither this nor that")), invalid);
  await assert.rejects(unpack(Buffer.alloc(0)), invalid);
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
