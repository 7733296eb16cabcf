import assert from "node:assert/strict";
import { mkdir, open, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { copyUsedBlocks } from "../../src/ext4/copy-volume.ts";
import { openExt4 } from "../../src/ext4/reader/ext4-image.ts";
import { mib } from "../../src/lib/bytes.ts";
import { run } from "../../src/lib/process.ts";
import { needsLoop, TestImage } from "../helpers/ext4-image.ts";
import { listImage } from "../helpers/image-listing.ts";
import { differences } from "../helpers/tree-listing.ts";

const signal = new AbortController().signal;
const SECRET = "what was deleted must not travel";

async function occupied(path: string): Promise<number> {
  return (await stat(path)).blocks * 512;
}

/** Copies, and holds the copy against its source by e2fsck and file by file. */
async function copied(source: TestImage): Promise<TestImage & AsyncDisposable> {
  const copy = await TestImage.empty();
  await copyUsedBlocks(source.path, copy.path, { signal });
  assert.equal((await stat(copy.path)).size, (await stat(source.path)).size);
  await copy.assertClean();
  assert.deepEqual(differences(await listImage(source.path), await listImage(copy.path)), []);
  return copy;
}

test("a volume of ours is copied whole", async () => {
  await using drawn = await TestImage.draw(
    async (sketch) => {
      await sketch.file("etc/passwd", Buffer.from("root"));
      await sketch.file("large", [Buffer.alloc(mib(3), 7), mib(50), Buffer.alloc(5000, 9)]);
      for (let i = 0; i < 2000; i += 1) await sketch.file(`many/${i}`, Buffer.from(String(i)));
    },
    { sizeBytes: mib(2048) },
  );
  await using copy = await copied(drawn.image);
  assert.ok((await occupied(copy.path)) < mib(20), `${await occupied(copy.path)} bytes`);
});

// Layouts that are not ours: what users register.
for (const [name, features] of Object.entries({
  "mke2fs's own": [],
  "blocks of 1 KiB": ["-b", "1024"],
  "no groups that lie together": ["-O", "^flex_bg,^64bit"],
  "no checksums, every group with a bitmap": ["-O", "^metadata_csum,^uninit_bg"],
  "a superblock in each group": ["-O", "^sparse_super,^resize_inode"],
  "descriptors spread over the volume": ["-O", "meta_bg,^resize_inode"],
  "no journal": ["-O", "^has_journal"],
  "ext2's features": ["-O", "^extents,^has_journal,^flex_bg,^metadata_csum,^64bit,^huge_file,^dir_nlink,^extra_isize"],
})) {
  test(`a volume with ${name} is copied whole`, async () => {
    await using image = await TestImage.empty();
    const tree = join(image.folder, "tree");
    for (const folder of ["a", "b", "c"]) {
      await mkdir(join(tree, folder), { recursive: true });
      await writeFile(join(tree, folder, "data"), Buffer.alloc(mib(12), folder));
    }
    await run("mke2fs", ["-q", "-t", "ext4", ...features, "-d", tree, image.path, "400M"]);
    await using copy = await copied(image);
    assert.ok((await occupied(copy.path)) < mib(90), `${await occupied(copy.path)} bytes`);
  });
}

test("what the kernel wrote is copied, and what was deleted is not", { skip: needsLoop }, async () => {
  await using image = await TestImage.empty();
  await run("mke2fs", ["-q", "-t", "ext4", image.path, "256M"]);
  {
    await using mounted = await image.mount("rw");
    await writeFile(join(mounted.folder, "kept"), "kept");
    await writeFile(join(mounted.folder, "secret"), SECRET.repeat(mib(1)));
    await run("sync", ["-f", mounted.folder]);
    await assert.rejects(copyUsedBlocks(image.path, `${image.path}.copy`, { signal }), { code: "EXT4_INVALID" });
    await assert.rejects(stat(`${image.path}.copy`), "a refused copy leaves nothing");
    await rm(join(mounted.folder, "secret"));
  }
  assert.ok((await readFile(image.path)).includes(SECRET), "the source holds it still");
  await using copy = await copied(image);
  assert.equal((await readFile(copy.path)).includes(SECRET), false);
});

test("what is cut short, or told to stop, leaves nothing", async () => {
  await using drawn = await TestImage.draw((sketch) => sketch.file("x", Buffer.alloc(mib(4), 1)), {
    sizeBytes: mib(64),
  });
  const target = `${drawn.image.path}.copy`;
  const stopped = AbortSignal.timeout(0);
  await new Promise((resolve) => stopped.addEventListener("abort", resolve));
  await assert.rejects(copyUsedBlocks(drawn.image.path, target, { signal: stopped }));
  await assert.rejects(stat(target));
  await truncate(drawn.image.path, 4096);
  await assert.rejects(copyUsedBlocks(drawn.image.path, target, { signal }), { code: "EXT4_INVALID" });
  await assert.rejects(stat(target));
});

test("a copy that lacks a block is told from its source", async () => {
  await using drawn = await TestImage.draw((sketch) => sketch.file("x", Buffer.alloc(mib(4), 1)), {
    sizeBytes: mib(64),
  });
  await using copy = await copied(drawn.image);
  await using volume = await openExt4(copy.path);
  let last = 0;
  for await (const { block } of volume.usedRuns()) last = Math.max(last, block);
  const file = await open(copy.path, "r+");
  const content = await readFile(copy.path);
  const at = content.indexOf(Buffer.alloc(4096, 1));
  await file.write(Buffer.alloc(4096), 0, 4096, at);
  await file.close();
  assert.ok(last > 0);
  assert.notDeepEqual(differences(await listImage(drawn.image.path), await listImage(copy.path)), []);
});
