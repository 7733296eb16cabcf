import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, open, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { openExt4 } from "../../src/ext4/reader/ext4-image.ts";
import { mib } from "../../src/lib/bytes.ts";
import { BangerError } from "../../src/lib/errors.ts";
import { run } from "../../src/lib/process.ts";
import { needsLoop, TestImage, type Piece, type Sketch } from "../helpers/ext4-image.ts";
import { listImage } from "../helpers/image-listing.ts";
import { differences, listFolder, listTree } from "../helpers/tree-listing.ts";

/** How often bytes are made wrong. */
const RUNS = 100;

const code = (wanted: string) => (error: unknown) => error instanceof BangerError && error.code === wanted;

async function draw(t: Sketch): Promise<void> {
  await t.file("etc/passwd", Buffer.from("root:x:0:0\n"), { mode: 0o640, uid: 70_000, gid: 2 ** 32 - 2 });
  await t.file("etc/empty");
  const pieces: Piece[] = [];
  for (let i = 0; i < 700; i += 1) pieces.push(Buffer.alloc(4096, 1 + (i % 255)), 4096 * (i % 3));
  const holes = await t.file("holes", [...pieces, 10_000], { mtimeSeconds: 2 ** 33, mtimeNanoseconds: 7 });
  t.link("hard", holes);
  t.symlink("short", "etc/passwd");
  t.symlink("usr/long", `../${"./".repeat(100)}etc/passwd`);
  t.symlink("usr/up", "../../../../etc");
  t.symlink("usr/absolute", "/etc");
  t.symlink("loop-a", "loop-b");
  t.symlink("loop-b", "loop-a");
  t.device("dev/null", "char", 1, 3);
  t.device("dev/nvme", "block", 259, 70_000);
  t.special("dev/fifo", "fifo");
  t.special("dev/socket", "socket");
  for (let i = 0; i < 300; i += 1) await t.file(`many/name-${i}`);
  const acl = Buffer.from(
    "0200000001000600ffffffff02000400e803000004000400ffffffff10000700ffffffff20000000ffffffff",
    "hex",
  );
  const xattrs = new Map([
    ["user.a", Buffer.from("1")],
    ["user.long", Buffer.alloc(3000, 0xfe)],
    ["system.posix_acl_access", acl],
    ["security.capability", Buffer.from("0100000200200000000000000000000000000000", "hex")],
  ]);
  await t.file("xattrs", Buffer.from("x"), { xattrs });
}

test("what was written is what is read", async () => {
  await using drawn = await TestImage.draw(draw, { sizeBytes: mib(64) });
  const theirs = await listImage(drawn.image.path);
  const ours = listTree(drawn.sketch.root, (inode) => drawn.sketch.contentOf(inode));
  assert.deepEqual(differences(ours, theirs), []);
});

// Layouts that are not ours: what users bring.
for (const [name, options] of Object.entries({
  "ext4 as mke2fs makes it": ["-t", "ext4"],
  "blocks of 1 KiB": ["-t", "ext4", "-b", "1024"],
  "blocks of 64 KiB": ["-t", "ext4", "-b", "65536"],
  "inodes of 128 bytes": ["-t", "ext4", "-I", "128"],
  "inodes of 1024 bytes": ["-t", "ext4", "-I", "1024"],
  "ext2, without extents": ["-t", "ext2"],
  "ext2 in blocks of 1 KiB": ["-t", "ext2", "-b", "1024"],
  "descriptors spread over the volume": ["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode"],
  "32-bit descriptors": ["-t", "ext4", "-O", "^64bit"],
  "no file types": ["-t", "ext4", "-O", "^filetype"],
})) {
  test(`reads ${name}`, async () => {
    await using image = await TestImage.empty();
    const folder = join(image.folder, "tree");
    await mkdir(join(folder, "dir/below"), { recursive: true });
    await writeFile(join(folder, "dir/small"), "small");
    await writeFile(
      join(folder, "large"),
      Buffer.concat([Buffer.alloc(700_000, 1), Buffer.alloc(800_000), Buffer.alloc(5_000_001, 2)]),
    );
    await symlink("large", join(folder, "link"));
    await symlink("x".repeat(200), join(folder, "long"));
    for (let i = 0; i < 500; i += 1) await writeFile(join(folder, `dir/below/name-${i}`), `${i}`);
    execFileSync("setfattr", ["-n", "user.a", "-v", "1", join(folder, "large")]);
    await truncate(image.path, mib(64)).catch(() =>
      writeFile(image.path, "").then(() => truncate(image.path, mib(64))),
    );
    execFileSync("mke2fs", ["-q", "-F", ...options, "-d", folder, image.path], { stdio: "pipe" });
    const wanted = await listFolder(folder);
    const found = await listImage(image.path);
    assert.ok(found.delete("lost+found"));
    // mke2fs gives the root a time of its own, and no file its nanoseconds.
    wanted.delete("");
    found.delete("");
    const seconds = (mtime: string): string => `${BigInt(mtime) / 1_000_000_000n}`;
    for (const listing of [wanted, found]) {
      for (const [path, entry] of listing) listing.set(path, { ...entry, mtime: seconds(entry.mtime) });
    }
    assert.deepEqual(differences(wanted, found), []);
  });
}

test("paths are resolved within the image", async () => {
  await using drawn = await TestImage.draw(draw, { sizeBytes: mib(64) });
  await using image = await openExt4(drawn.image.path);
  const inoOf = async (path: string): Promise<number> => (await image.find(path)).ino;
  const passwd = await inoOf("/etc/passwd");
  for (const path of [
    "etc/passwd",
    "//etc/./passwd",
    "/../../etc/passwd",
    "short",
    "usr/long",
    "usr/up/passwd",
    "usr/absolute/passwd",
    "usr/absolute/../etc/passwd",
    "dev/../usr/../etc/passwd",
  ]) {
    assert.equal(await inoOf(path), passwd, path);
  }
  assert.equal((await image.find("short", { followLast: false })).type, "symlink");
  assert.equal((await image.find("/")).ino, 2);
  for (const path of ["etc/none", "etc/passwd/x", "loop-a", "none/..", "etc/passwd/.."]) {
    await assert.rejects(image.find(path), code("PATH_NOT_FOUND"), path);
  }
});

test("an image that was not unmounted says so", { skip: needsLoop }, async () => {
  await using drawn = await TestImage.draw(draw, { sizeBytes: mib(64) });
  await using mounted = await drawn.image.mount("rw");
  await writeFile(join(mounted.folder, "new"), "new");
  await using image = await openExt4(drawn.image.path);
  assert.equal(image.needsRecovery, true);
});

test("what is no ext4 is said to be none", async () => {
  await using image = await TestImage.empty();
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(1500), Buffer.alloc(mib(1)), Buffer.alloc(mib(1), 0xff)]) {
    await writeFile(image.path, bytes);
    await assert.rejects(openExt4(image.path), code("EXT4_INVALID"));
  }
  await using drawn = await TestImage.draw(draw, { sizeBytes: mib(64) });
  await truncate(drawn.image.path, 200_000);
  await assert.rejects(listImage(drawn.image.path), code("EXT4_INVALID"));
});

test("whatever bytes are wrong, reading ends, with an answer or EXT4_INVALID", async (t) => {
  await using drawn = await TestImage.draw(draw, { sizeBytes: mib(8) });
  const file = await open(drawn.image.path, "r+");
  try {
    const { stdout } = await run("dumpe2fs", [drawn.image.path]);
    const table = Number(/Inode table at (\d+)/.exec(stdout)?.[1]);
    const blocks = [1, table, table + 1, table + 2];
    for (const path of ["/", "etc", "usr", "many"]) {
      blocks.push(...(await drawn.image.debugfs(`blocks ${path}`)).trim().split(/\s+/).map(Number));
    }
    blocks.push(Number(/ETB0\):(\d+)/.exec(await drawn.image.debugfs("stat holes"))?.[1]));
    blocks.push(Number(/File ACL: (\d+)/.exec(await drawn.image.debugfs("stat xattrs"))?.[1]));
    const at = fc.tuple(fc.constantFrom(...blocks), fc.nat(4095)).map(([block, offset]) => block * 4096 + offset);
    const wrong = fc.record({ at: fc.oneof(fc.integer({ min: 1024, max: 1400 }), at, at, at), byte: fc.nat(255) });
    let failed = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(wrong, { minLength: 1, maxLength: 20 }), async (bytes) => {
        const before = bytes.map(({ at }) => ({ at, data: Buffer.alloc(1) }));
        for (const { at, data } of before) await file.read(data, 0, 1, at);
        for (const { at, byte } of bytes) await file.write(Buffer.from([byte]), 0, 1, at);
        try {
          await readAll(drawn.image.path);
        } catch (error) {
          failed += 1;
          assert.ok(code("EXT4_INVALID")(error) || code("PATH_NOT_FOUND")(error), String(error));
        } finally {
          for (const { at, data } of before) await file.write(data, 0, 1, at);
        }
      }),
      { numRuns: RUNS },
    );
    t.diagnostic(`${failed} of ${RUNS} were refused`);
    assert.ok(failed > RUNS / 10);
    await drawn.image.assertClean();
  } finally {
    await file.close();
  }
});

/** Reads all there is, but of no file more than a user of it would take. */
async function readAll(path: string): Promise<void> {
  await using image = await openExt4(path);
  for await (const { stat } of image.walk()) {
    await image.xattrs(stat);
    if (stat.type === "symlink") await image.readLink(stat);
    if (stat.type !== "file" || !stat.isReadable) continue;
    let bytes = 0;
    for await (const chunk of image.read(stat)) {
      bytes += chunk.length;
      if (bytes > mib(16)) break;
    }
  }
}
