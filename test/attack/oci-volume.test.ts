import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { constants, createZstdCompress, gzipSync, zstdCompressSync } from "node:zlib";
import { FileTree } from "../../src/model/file-tree.ts";
import { DEFAULT_LIMITS } from "../../src/oci/layers/limits.ts";
import { ImportBudget } from "../../src/oci/layers/import-budget.ts";
import { LayerHandler } from "../../src/oci/layers/layer-handler.ts";
import { LayerTree } from "../../src/oci/layers/layer-tree.ts";
import { TarReader } from "../../src/formats/tar/tar-reader.ts";
import { splitZstdFrames } from "../../src/formats/compression/zstd-frames.ts";
import { expectCode } from "../helpers/expect-code.ts";
import { MemorySink } from "../helpers/memory-sink.ts";
import { TarBuilder, tarHeader } from "../helpers/tar-builder.ts";
import { at, importLayers, sha256 } from "../helpers/test-layout.ts";

const tar = (): TarBuilder => new TarBuilder();
const small = { ...DEFAULT_LIMITS, ratioFreeBytes: 2 ** 20, maxUnpackedBytes: 64 * 2 ** 20 };

/** Takes contents and keeps nothing: what is asked is where the import stops. */
class CountingSink extends MemorySink {
  bytes = 0;
  override write(chunk: Uint8Array): undefined {
    this.bytes += chunk.length;
  }
}

test("a gzip bomb", async () => {
  const bomb = tar()
    .file("zeros", Buffer.alloc(32 * 2 ** 20))
    .end();
  const sink = new CountingSink();
  const layers = [{ tar: bomb, compression: "gzip" as const }];
  await expectCode(importLayers(layers, { limits: small, sink }), "LAYER_TOO_LARGE", /400 times its size/);
  assert.ok(sink.bytes < 28 * 2 ** 20, `stopped only after ${sink.bytes}`);
});

test("a zstd bomb, and one of many small frames", async () => {
  const bomb = tar()
    .file("zeros", Buffer.alloc(32 * 2 ** 20))
    .end();
  await expectCode(
    importLayers([{ tar: bomb, compression: "zstd" }], { limits: small }),
    "LAYER_TOO_LARGE",
    /times its size/,
  );
  const frames = Buffer.concat(Array.from({ length: 64 }, () => zstdCompressSync(Buffer.alloc(2 ** 20))));
  const header = tarHeader({ name: "zeros", size: 64 * 2 ** 20 });
  const blob = Buffer.concat([zstdCompressSync(header), frames]);
  await expectCode(importLayers([{ tar: bomb, blob, compression: "zstd" }], { limits: small }), "LAYER_TOO_LARGE");
});

test("zstd frames without end that hold nothing", async () => {
  const frames = Buffer.concat(Array.from({ length: 1000 }, () => zstdCompressSync(Buffer.alloc(0))));
  const endless = async function* (): AsyncGenerator<Buffer> {
    for (;;) yield frames;
  };
  const pass = async (): Promise<void> => {
    for await (const _ of splitZstdFrames(endless()));
  };
  await assert.rejects(pass(), /more than 1000000 zstd frames/);
});

test("layers that are too large together", async () => {
  const layer = tar()
    .file("random", Buffer.alloc(24 * 2 ** 20))
    .end();
  await importLayers([layer, layer], { limits: small });
  await expectCode(importLayers([layer, layer, layer], { limits: small }), "LAYER_TOO_LARGE", /64 MiB/);
});

test("a zstd window that would take gigabytes", async () => {
  const compressor = createZstdCompress({
    params: { [constants.ZSTD_c_windowLog]: 30, [constants.ZSTD_c_enableLongDistanceMatching]: 1 },
  });
  const content = tar().file("f", "x".repeat(10_000)).end();
  // Written in pieces: told the size beforehand, zstd makes the window no larger than that.
  const chunks: Buffer[] = [];
  compressor.on("data", (chunk: Buffer) => chunks.push(chunk));
  compressor.write(content.subarray(0, 512));
  const { promise, resolve } = Promise.withResolvers<void>();
  compressor.end(content.subarray(512), () => resolve());
  await promise;
  const blob = Buffer.concat(chunks);
  await expectCode(importLayers([{ tar: content, blob, compression: "zstd" }]), "LAYER_INVALID", /zstd data/);
});

test("several gzip members, several zstd frames, and skippable ones", async () => {
  const content = tar().file("f", "x".repeat(3000)).end();
  const halves = [content.subarray(0, 700), content.subarray(700)];
  const skippable = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]), Buffer.from("skip")]);
  const blobs = [
    Buffer.concat(halves.map((half) => gzipSync(half))),
    Buffer.concat(halves.map((half) => zstdCompressSync(half))),
    Buffer.concat([skippable, ...halves.map((half) => zstdCompressSync(half)), skippable]),
  ];
  for (const blob of blobs) {
    const { root, sink } = await importLayers([{ tar: content, blob, compression: "gzip" }]);
    assert.equal(sink.contentOf(at(root, "f")).length, 3000);
  }
});

test("compressed layers that are cut off or damaged", async () => {
  const content = tar()
    .file("f", Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251)))
    .end();
  for (const [compression, blob] of [
    ["gzip", gzipSync(content)],
    ["zstd", zstdCompressSync(content)],
  ] as const) {
    for (const length of [5, 100, blob.length - 9, blob.length - 1]) {
      const error = await importLayers([{ tar: content, blob: blob.subarray(0, length), compression }]).catch(
        (e: unknown) => e,
      );
      assert.ok(error instanceof Error && "code" in error, `${compression} cut at ${length}`);
      assert.equal(error.code, "LAYER_INVALID", `${compression} cut at ${length}: ${String(error)}`);
    }
    const damaged = Buffer.from(blob);
    damaged[60] = (damaged[60] ?? 0) ^ 0xff;
    const error = await importLayers([{ tar: content, blob: damaged, compression }]).catch((e: unknown) => e);
    assert.ok(
      error instanceof Error && "code" in error && ["LAYER_INVALID", "DIGEST_MISMATCH"].includes(String(error.code)),
    );
  }
});

test("what a layer is, is read from its bytes", async () => {
  const content = tar().file("f", "x").end();
  const plain = { tar: content, blob: content, compression: "gzip" as const };
  const zstd = { tar: content, blob: zstdCompressSync(content), compression: "gzip" as const };
  for (const layer of [plain, zstd]) assert.ok(at((await importLayers([layer])).root, "f"));
  for (const junk of [
    Buffer.from("BZh91AY&SY"),
    Buffer.alloc(2000, "junk"),
    Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]),
  ]) {
    await expectCode(
      importLayers([{ tar: junk, compression: "gzip", blob: junk }]),
      "LAYER_INVALID",
      /not a tar archive/,
    );
  }
});

test("more entries than an image may have", async () => {
  const builder = tar();
  for (let i = 0; i < 1001; i++) builder.file(`f${i}`);
  const limits = { ...DEFAULT_LIMITS, maxEntries: 1000 };
  await expectCode(importLayers([builder.end()], { limits }), "LAYER_TOO_LARGE", /more than 1000 entries/);
  const whiteouts = tar();
  for (let i = 0; i < 1001; i++) whiteouts.file(".wh.same");
  await expectCode(importLayers([whiteouts.end()], { limits }), "LAYER_TOO_LARGE", /more than 1000 entries/);
});

const name = (i: number): string => `d${String(Math.floor(i / 1000)).padStart(5, "0")}/${String(i).padStart(8, "0")}`;

test("ten million entries stop at the limit, in bounded memory", () => {
  const before = process.memoryUsage.rss();
  using tree = new FileTree(tmpdir());
  const budget = new ImportBudget(DEFAULT_LIMITS);
  const reader = new TarReader(new LayerHandler(new LayerTree(tree, 0, budget), new CountingSink(), budget));
  const chunk = Buffer.alloc(512 * 1000);
  assert.throws(() => {
    for (let i = 0; i < 10_000_000; i += 1000) {
      for (let k = 0; k < 1000; k++) tarHeader({ name: name(i + k), type: "6" }).copy(chunk, 512 * k);
      assert.equal(reader.push(chunk), undefined);
    }
  }, /more than 2000000 entries/);
  const more = process.memoryUsage.rss() - before;
  assert.ok(more < 300e6, `${more} bytes more`);
});

test("a file of 1 TiB counts in full, though an archive holds none of it", async () => {
  const limits = { ...DEFAULT_LIMITS, maxContentBytes: 2 ** 40 - 1 };
  const sparse = [
    ["GNU.sparse.size", String(2 ** 40)],
    ["GNU.sparse.map", ""],
  ] as const;
  await expectCode(importLayers([tar().pax(sparse).file("f").end()], { limits }), "LAYER_TOO_LARGE", /larger than/);
});

test("a hole of 1 TiB is told, not written", async () => {
  const holes: number[] = [];
  class HoleSink extends CountingSink {
    override hole(bytes: number): undefined {
      holes.push(bytes);
    }
    override endFile(): { size: number; extents: [] } {
      return { size: 0, extents: [] };
    }
  }
  const sink = new HoleSink();
  const sparse = [
    ["GNU.sparse.size", String(2 ** 40)],
    ["GNU.sparse.map", "4096,1"],
  ] as const;
  await importLayers([tar().pax(sparse).file("f", "x").end()], { sink });
  assert.deepEqual([holes, sink.bytes], [[4096, 2 ** 40 - 4097], 1]);
});

test("a taker that is slow gets everything, in order", async () => {
  const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 31) % 253));
  const sparse = [
    ["GNU.sparse.size", "9000"],
    ["GNU.sparse.map", "4096,5"],
  ] as const;
  const layer = tar().file("a", content).file("b", "b").pax(sparse).file("c", "ccccc").file("d", "d").end();
  const { root, sink } = await importLayers([{ tar: layer, compression: "gzip" }], { sink: new MemorySink(true) });
  assert.equal(sha256(sink.contentOf(at(root, "a"))), `sha256:${createHash("sha256").update(content).digest("hex")}`);
  assert.equal(
    sink.contentOf(at(root, "c")).subarray(4090, 4106).toString("latin1"),
    `${"\0".repeat(6)}ccccc${"\0".repeat(5)}`,
  );
  assert.equal(sink.contentOf(at(root, "d")).toString(), "d");
});
