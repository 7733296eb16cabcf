import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gib, mib, type Bytes } from "../../src/lib/bytes.ts";
import { run } from "../../src/lib/process.ts";
import { needsLoop, TestImage, type Sketch } from "../helpers/ext4-image.ts";

/** CAP_SYS_RESOURCE of capabilities(7): what EXT4_IOC_RESIZE_FS asks for. */
const mayResize =
  ((BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"}`) >> 24n) & 1n) === 1n;
const whileMounted = {
  skip:
    needsLoop || (mayResize ? false : "growing a mounted file system needs CAP_SYS_RESOURCE, which this process lacks"),
};

async function draw(t: Sketch): Promise<void> {
  for (let i = 0; i < 300; i += 1) await t.file(`d/file-${i}`, Buffer.alloc(5000, 1 + (i % 200)));
}

async function blocksOf(image: TestImage): Promise<number> {
  const { stdout } = await run("dumpe2fs", ["-h", image.path]);
  return Number(/^Block count: +(\d+)/m.exec(stdout)?.[1]);
}

const STEPS: readonly (readonly [Bytes, Bytes])[] = [
  [mib(4), mib(20)],
  [mib(64), mib(100)],
  [mib(64), gib(4)],
  [gib(3), gib(40)],
  [gib(16), gib(200)],
  // Past what is reserved: Linux goes over to meta_bg by itself.
  [gib(16), gib(1500)],
];

for (const [from, to] of STEPS) {
  test(`a mounted volume grows from ${from / mib(1)} MiB to ${to / mib(1)} MiB`, whileMounted, async () => {
    await using drawn = await TestImage.draw(draw, { sizeBytes: from });
    const { image } = drawn;
    {
      await using mounted = await image.mount("rw");
      await truncate(image.path, to);
      const device = (await run("findmnt", ["-n", "-o", "SOURCE", mounted.folder])).stdout.trim();
      await run("losetup", ["--set-capacity", device]);
      await run("resize2fs", [device]);
      await writeFile(join(mounted.folder, "new"), Buffer.alloc(mib(1), 3));
      assert.equal((await readFile(join(mounted.folder, "d/file-7"))).toString(), "\x08".repeat(5000));
    }
    await image.assertClean();
    assert.equal((await blocksOf(image)) * 4096, to);
  });

  test(`a volume that nobody uses grows from ${from / mib(1)} MiB to ${to / mib(1)} MiB`, async (t) => {
    if (to > gib(1024)) return t.skip("resize2fs 1.47.0 cannot pass what is reserved offline");
    await using drawn = await TestImage.draw(draw, { sizeBytes: from });
    const { image } = drawn;
    await truncate(image.path, to);
    await run("resize2fs", ["-f", image.path]);
    await image.assertClean();
    assert.equal((await blocksOf(image)) * 4096, to);
  });
}
