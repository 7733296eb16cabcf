import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rm, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import fc from "fast-check";
import type { StoredContent } from "../model/content-sink.ts";
import { DataArea } from "./data-area.ts";
import { BLOCK_BYTES, BLOCKS_PER_GROUP, headBlocks, planGeometry } from "./geometry.ts";

const geometry = planGeometry(2 ** 20);

async function withArea(use: (area: DataArea, read: () => Promise<Buffer>) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "banger-area-"));
  const path = join(folder, "area");
  const file = await open(path, "wx+");
  const area = new DataArea(file, geometry, 2 ** 20, true);
  try {
    await use(area, async () => {
      await area.flush();
      return readFile(path);
    });
  } finally {
    await area.settle();
    await file.close();
    await rm(folder, { recursive: true });
  }
}

function contentOf(stored: StoredContent, disk: Buffer): Buffer {
  const content = Buffer.alloc(Math.ceil(stored.size / BLOCK_BYTES) * BLOCK_BYTES);
  for (const run of stored.extents) {
    const from = run.diskBlock * BLOCK_BYTES;
    disk.copy(content, run.fileBlock * BLOCK_BYTES, from, from + run.blocks * BLOCK_BYTES);
  }
  return content.subarray(0, stored.size);
}

const piece = fc.oneof(
  fc.record({ kind: fc.constant("bytes"), length: fc.nat(20_000), value: fc.nat(3) }),
  fc.record({ kind: fc.constant("hole"), length: fc.nat(20_000), value: fc.constant(0) }),
);

test("contents come back as they were, from whatever pieces", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(piece, { maxLength: 8 }), { maxLength: 10 }), async (files) => {
      await withArea(async (area, read) => {
        const stored: StoredContent[] = [];
        for (const pieces of files) {
          area.beginFile();
          for (const { kind, length, value } of pieces) {
            await (kind === "hole" ? area.hole(length) : area.write(Buffer.alloc(length, value)));
          }
          stored.push(area.endFile());
        }
        const disk = await read();
        for (const [i, pieces] of files.entries()) {
          const wanted = Buffer.concat(pieces.map(({ length, value }) => Buffer.alloc(length, value)));
          assert.ok(contentOf(stored[i] ?? { size: -1, extents: [] }, disk).equals(wanted));
        }
      });
    }),
    { numRuns: 50 },
  );
});

test("a large file goes around the copy of the superblock", async () => {
  await withArea(async (area, read) => {
    area.beginFile();
    const chunk = Buffer.alloc(3_000_000, 9);
    for (let i = 0; i < 60; i += 1) await area.write(chunk);
    const stored = area.endFile();
    const head = headBlocks(geometry, 1);
    assert.equal(stored.extents[0]?.blocks, BLOCKS_PER_GROUP - head);
    assert.equal(stored.extents[1]?.diskBlock, BLOCKS_PER_GROUP + head);
    assert.ok(contentOf(stored, await read()).equals(Buffer.alloc(180_000_000, 9)));
  });
});

test("blocks of zeros take no space, wherever the writes are cut", async () => {
  await withArea(async (area) => {
    area.beginFile();
    for (let i = 0; i < 10; i += 1) await area.write(Buffer.alloc(5000));
    assert.deepEqual(area.endFile(), { size: 50_000, extents: [] });
    area.beginFile();
    await area.write(Buffer.concat([Buffer.alloc(4096), Buffer.alloc(4096, 1), Buffer.alloc(4096)]));
    const first = 1 + geometry.descriptorSpan;
    const extents = [{ fileBlock: 1, diskBlock: first, blocks: 1 }];
    assert.deepEqual(area.endFile(), { size: 12_288, extents });
  });
});

test("a file that is all pieces and holes keeps its zeros from some point on, and its content", async () => {
  await withArea(async (area, read) => {
    area.beginFile();
    const pair = Buffer.concat([Buffer.alloc(BLOCK_BYTES, 1), Buffer.alloc(BLOCK_BYTES)]);
    for (let i = 0; i < 70_000; i += 1) await area.write(pair);
    const stored = area.endFile();
    assert.ok(stored.extents.length > 60_000 && stored.extents.length < 66_000, `${stored.extents.length} runs`);
    assert.ok(contentOf(stored, await read()).equals(Buffer.concat(Array(70_000).fill(pair))));
  });
});

test("what lies past the end of a short file is zero, not what was there before", async () => {
  await withArea(async (area, read) => {
    area.beginFile();
    for (let i = 0; i < 3; i += 1) await area.write(Buffer.alloc(4 * 1024 ** 2, 7));
    area.endFile();
    area.beginFile();
    await area.write(Buffer.from("short"));
    const { extents } = area.endFile();
    const at = (extents[0]?.diskBlock ?? 0) * BLOCK_BYTES;
    const block = (await read()).subarray(at, at + BLOCK_BYTES);
    assert.ok(block.equals(Buffer.concat([Buffer.from("short"), Buffer.alloc(BLOCK_BYTES - 5)])));
  });
});

test("what the disk refused while more came is told at the end", async () => {
  const folder = await mkdtemp(join(tmpdir(), "banger-area-"));
  const file = await open(join(folder, "area"), "wx+");
  let syncs = 0;
  const failing = Object.assign(Object.create(file) as FileHandle, {
    write: file.write.bind(file),
    datasync: async () => {
      syncs += 1;
      await setTimeout(200);
      throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
    },
  });
  const area = new DataArea(failing, geometry, 2 ** 20, true);
  try {
    area.beginFile();
    for (let i = 0; i < 65; i += 1) await area.write(Buffer.alloc(1024 ** 2, 1));
    area.endFile();
    await assert.rejects(
      area.flush().then(() => area.syncedAhead()),
      { code: "EIO" },
    );
    assert.equal(syncs, 1);
  } finally {
    await area.settle();
    await file.close();
    await rm(folder, { recursive: true });
  }
});

test("a second file cannot begin before the first has ended", async () => {
  await withArea(async (area) => {
    area.beginFile();
    assert.throws(() => area.beginFile());
    area.endFile();
    assert.throws(() => area.endFile());
    await area.flush();
  });
});
