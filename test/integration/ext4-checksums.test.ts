import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { after, before, test } from "node:test";
import { mib } from "../../src/lib/bytes.ts";
import { run } from "../../src/lib/process.ts";
import { emptyFile, TestImage, type Piece } from "../helpers/ext4-image.ts";

// That e2fsck is content says something only if it is not when one byte of a structure is wrong.
let image: TestImage;

before(async () => {
  const drawn = await TestImage.draw(
    async (t) => {
      const pieces: Piece[] = [];
      for (let i = 0; i < 20; i += 1) pieces.push(Buffer.alloc(4096, 1), 4096);
      await t.file("holes", pieces);
      await t.file("xattrs", [], { xattrs: new Map([["user.long", Buffer.alloc(2000, 1)]]) });
      await t.file("small/file");
      t.symlink("link", "long/".repeat(100));
      for (let i = 0; i < 12_000; i += 1) t.add(`large/${`${i}-`.padEnd(250, "n")}`, emptyFile());
    },
    { sizeBytes: mib(256) },
  );
  image = drawn.image;
});

after(async () => {
  await image[Symbol.asyncDispose]();
});

/** First number that a tool's answer has behind these words. */
function numberAfter(text: string, words: RegExp): number {
  const found = new RegExp(`${words.source}\\D*(\\d+)`, "s").exec(text)?.[1];
  assert.ok(found !== undefined, `no ${words} in: ${text}`);
  return Number(found);
}

const block = (number: number, at = 0): number => number * 4096 + at;
const group0 = async (): Promise<string> => (await run("dumpe2fs", [image.path])).stdout.replace(/^.*?Group 0:/s, "");
const blocksOf = async (path: string): Promise<number[]> =>
  (await image.debugfs(`blocks ${path}`)).trim().split(/\s+/).map(Number);

/** Each structure, and where one of its bytes is. */
const PLACES: Readonly<Record<string, () => Promise<number>>> = {
  superblock: async () => 1024 + 136,
  "superblock's copy of the journal's place": async () => 1024 + 268 + 20,
  "group descriptor": async () => block(1, 12),
  "block bitmap": async () => block(numberAfter(await group0(), /Block bitmap at/), 4),
  "inode bitmap": async () => block(numberAfter(await group0(), /Inode bitmap at/), 4),
  "inode of the root": async () => block(numberAfter(await group0(), /Inode table at/), 256 + 8),
  "emptyFile in an inode": async () => block(numberAfter(await group0(), /Inode table at/), 256 + 200),
  "resize inode": async () => block(numberAfter(await group0(), /Inode table at/), 6 * 256 + 4),
  "resize inode's block": async () => block((await blocksOf("<7>"))[0] ?? 0, 5),
  "journal inode": async () => block(numberAfter(await group0(), /Inode table at/), 7 * 256 + 44),
  "journal's superblock": async () => block((await blocksOf("<8>"))[0] ?? 0, 1),
  "directory of one block": async () => block((await blocksOf("small"))[0] ?? 0, 40),
  "checksum of a directory": async () => block((await blocksOf("small"))[0] ?? 0, 4092),
  "root of an index": async () => block((await blocksOf("large"))[0] ?? 0, 44),
  "node of an index": async () => block((await blocksOf("large"))[1] ?? 0, 20),
  "leaf of an indexed directory": async () => block((await blocksOf("large"))[10] ?? 0, 20),
  "extent tree": async () => block(numberAfter(await image.debugfs("stat holes"), /ETB0\):/), 4095),
  "block of emptyFile": async () => block(numberAfter(await image.debugfs("stat xattrs"), /File ACL:/), 40),
};

test("e2fsck is content with the image as it was written", async () => {
  await image.assertClean();
});

test("a volume whose first superblock and descriptors are lost is there by their copies", async () => {
  await using copy = await image.copy();
  const file = await open(copy.path, "r+");
  await file.write(Buffer.alloc(3 * 4096), 0, 3 * 4096, 0);
  await file.close();
  assert.notEqual(await copy.fsck(), undefined);
  await run("e2fsck", ["-fy", "-b", "32768", "-B", "4096", copy.path]).catch(() => undefined);
  await copy.assertClean();
  assert.match(await copy.debugfs("stat small/file"), /Type: regular/);
});

for (const [name, placeOf] of Object.entries(PLACES)) {
  test(`e2fsck notices one wrong byte: ${name}`, async () => {
    const at = await placeOf();
    const file = await open(image.path, "r+");
    const byte = Buffer.alloc(1);
    const flip = async (): Promise<void> => {
      await file.read(byte, 0, 1, at);
      byte.writeUInt8(byte.readUInt8(0) ^ 0x55);
      await file.write(byte, 0, 1, at);
    };
    try {
      await flip();
      assert.notEqual(await image.fsck(), undefined);
    } finally {
      await flip();
      await file.close();
    }
    await image.assertClean();
  });
}
