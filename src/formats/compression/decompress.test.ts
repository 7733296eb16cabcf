import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { collect, streamOf } from "../byte-reader.ts";
import { compressionOfName, decompress, type Compression } from "./decompress.ts";

const TEXT = Buffer.from("all work and no play makes Jack a dull boy\n".repeat(20_000));
const PACKED: Readonly<Record<Compression, Buffer>> = {
  none: TEXT,
  gzip: gzipSync(TEXT),
  zstd: zstdCompressSync(TEXT),
  xz: execFileSync("xz", ["-c"], { input: TEXT }),
};

const unpack = (packed: Buffer, compression: Compression): Promise<Buffer> =>
  collect(decompress(streamOf(packed), compression, "it"), 10 * TEXT.length, "it");

for (const compression of ["none", "gzip", "zstd", "xz"] as const) {
  test(`unpacks ${compression}`, async () => {
    assert.deepEqual(await unpack(PACKED[compression], compression), TEXT);
  });
}

for (const compression of ["gzip", "zstd", "xz"] as const) {
  test(`refuses damaged and truncated ${compression}, and works afterwards`, async () => {
    const packed = PACKED[compression];
    const damaged = Buffer.from(packed);
    damaged.fill(0xff, packed.length / 2, packed.length / 2 + 8);
    await assert.rejects(unpack(damaged, compression), { code: "ARCHIVE_INVALID" });
    await assert.rejects(unpack(packed.subarray(0, packed.length / 2), compression), { code: "ARCHIVE_INVALID" });
    await assert.rejects(unpack(Buffer.from("plain text, and some more"), compression), { code: "ARCHIVE_INVALID" });
    assert.deepEqual(await unpack(packed, compression), TEXT);
  });

  test(`lets go of ${compression} that nobody reads to its end`, async () => {
    for await (const part of decompress(streamOf(PACKED[compression]), compression, "it")) {
      assert.ok(part.length > 0);
      break;
    }
    assert.deepEqual(await unpack(PACKED[compression], compression), TEXT);
  });
}

for (const compression of ["gzip", "zstd"] as const) {
  test(`unpacks ${compression} of several parts, and refuses what follows it`, async () => {
    const packed = PACKED[compression];
    assert.deepEqual(await unpack(Buffer.concat([packed, packed]), compression), Buffer.concat([TEXT, TEXT]));
    const followed = Buffer.concat([packed, Buffer.from("something else")]);
    await assert.rejects(unpack(followed, compression), { code: "ARCHIVE_INVALID" });
  });
}

test("passes on the source's own error", async () => {
  const broken = (async function* () {
    yield PACKED.xz.subarray(0, 50);
    throw new Error("the line went dead");
  })();
  await assert.rejects(collect(decompress(broken, "xz", "it"), 100, "it"), /the line went dead/);
});

test("reads the compression from a name", () => {
  assert.equal(compressionOfName("data.tar.xz"), "xz");
  assert.equal(compressionOfName("ext4.ko.zst"), "zstd");
  assert.equal(compressionOfName("ext4.ko"), "none");
});
