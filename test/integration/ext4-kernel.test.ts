import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { lstat, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { mib } from "../../src/lib/bytes.ts";
import { emptyFile, needsLoop, TestImage, type Sketch } from "../helpers/ext4-image.ts";
import { differences, listFolder, listTree } from "../helpers/tree-listing.ts";

const asRoot = { skip: needsLoop };

/** system.posix_acl_access of `u::rw-,u:1000:r--,g::r--,g:5:rwx,m::rwx,o::---`, in the form of system calls. */
const ACL = Buffer.from(
  "02000000" +
    "01000600ffffffff" +
    "02000400e8030000" +
    "04000400ffffffff" +
    "0800070005000000" +
    "10000700ffffffff" +
    "20000000ffffffff",
  "hex",
);

/** One of everything. */
async function drawAll(t: Sketch): Promise<void> {
  await t.file("empty");
  await t.file("one", Buffer.from("x"), { mode: 0o4755, uid: 70_000, gid: 2 ** 32 - 2 });
  await t.file("block", Buffer.alloc(4096, 7), { mode: 0 });
  await t.file("block-and-one", Buffer.alloc(4097, 7), { mode: 0o1777 });
  await t.file("zeros", Buffer.alloc(100_000));
  await t.file("holes", [Buffer.from("begin"), 12_288, Buffer.from("middle"), 1_000_000, Buffer.from("end"), 5]);
  await t.file("hole-at-end", [Buffer.alloc(5000, 1), 20_000]);
  for (const [name, seconds, nanos] of [
    ["1901", -(2 ** 31), 0],
    ["1969", -1, 999_999_999],
    ["2038", 2 ** 31 + 5, 123_456_789],
    ["2106", 2 ** 32 + 5, 1],
    ["2446", 2 ** 34 - 2 ** 31 - 1, 999_999_999],
  ] as const) {
    await t.file(`time/${name}`, [], { mtimeSeconds: seconds, mtimeNanoseconds: nanos });
  }
  const linked = await t.file("links/first", Buffer.from("linked"));
  t.link("links/second", linked);
  t.link("elsewhere/third", linked);
  t.symlink("short-link", "one");
  t.symlink("link-59", "a".repeat(59));
  t.symlink("link-60", "a".repeat(60));
  t.symlink("link-4095", "a/".repeat(2047) + "b");
  t.symlink("dangling", "/no/such\xff\xfe/file");
  t.device("null", "char", 1, 3);
  t.device("whiteout", "char", 0, 0);
  t.device("sda", "block", 8, 0);
  t.device("nvme", "block", 259, 300);
  t.device("most", "char", 4095, 2 ** 20 - 1);
  t.special("fifo", "fifo");
  t.special("socket", "socket");
  t.directory("setgid", { mode: 0o2770, uid: 5, gid: 6 });
  const deep = Array.from({ length: 60 }, (_, i) => `level-${i}`).join("/");
  await t.file(`${deep}/bottom`, Buffer.from("deep"));
  await t.file(`names/${"n".repeat(255)}`);
  await t.file("names/\xff\xfe\x01 \n\t\\\"'*");
  await t.file("names/ü日本".replace(/./gu, (c) => Buffer.from(c).toString("latin1")));
  await t.file("names/...");
  await t.file("names/ ");

  const xattrs = (all: Record<string, Buffer | string>): Map<string, Buffer> =>
    new Map(Object.entries(all).map(([name, value]) => [name, Buffer.from(value)]));
  const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
  await t.file("xattr/few", [], {
    xattrs: xattrs({ "user.a": "1", "trusted.b": "", "security.capability": capability }),
  });
  await t.file("xattr/long", [], { xattrs: xattrs({ "user.long": Buffer.alloc(3500, 0xff), "user.b": "b" }) });
  await t.file("xattr/binary", [], { xattrs: xattrs({ "user.bin": Buffer.from([0, 0x3d, 10, 255, 0]) }) });
  await t.file("xattr/odd", Buffer.from("x"), {
    xattrs: xattrs({ ["user." + "n".repeat(200)]: "x".repeat(99), "user.\xc3\xbc": "y".repeat(100) }),
  });
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`user.attribute-${i}`, `value ${i}`]));
  await t.file("xattr/many", [], { xattrs: xattrs(many) });
  await t.file("xattr/acl", [], { mode: 0o670, xattrs: xattrs({ "system.posix_acl_access": ACL }) });
  t.directory("xattr/acl-directory", {
    xattrs: xattrs({ "system.posix_acl_default": ACL, "user.much": Buffer.alloc(1000, 1) }),
  });
  t.contents.set(t.add("root-only", emptyFile({ mode: 0o600 })), Buffer.alloc(0));
}

test("the kernel sees exactly the tree that was written", asRoot, async () => {
  await using drawn = await TestImage.draw(drawAll);
  await drawn.image.assertClean();
  await using mounted = await drawn.image.mount();
  const ours = listTree(drawn.sketch.root, (inode) => drawn.sketch.contentOf(inode));
  assert.deepEqual(differences(ours, await listFolder(mounted.folder)), []);
});

test("times outside what ext4 can say are clamped", asRoot, async () => {
  await using drawn = await TestImage.draw(async (t) => {
    await t.file("before", [], { mtimeSeconds: -(2 ** 40) });
    await t.file("after", [], { mtimeSeconds: 2 ** 40 });
  });
  await drawn.image.assertClean();
  await using mounted = await drawn.image.mount();
  const seconds = async (name: string): Promise<bigint> =>
    (await lstat(join(mounted.folder, name), { bigint: true })).mtimeNs / 1_000_000_000n;
  assert.equal(await seconds("before"), -(2n ** 31n));
  assert.equal(await seconds("after"), 2n ** 34n - 2n ** 31n - 1n);
});

test("the kernel writes, deletes and unmounts, and e2fsck is content", asRoot, async () => {
  await using drawn = await TestImage.draw(async (t) => {
    await drawAll(t);
    for (let i = 0; i < 3000; i += 1) await t.file(`many/file-${i}`, Buffer.from(`${i}`));
  });
  {
    await using mounted = await drawn.image.mount("rw");
    for (let i = 0; i < 3000; i += 3) await rm(join(mounted.folder, `many/file-${i}`));
    for (let i = 0; i < 5000; i += 1) await writeFile(join(mounted.folder, `many/new-${i}`), Buffer.alloc(i % 9000, 1));
    await rm(join(mounted.folder, "xattr"), { recursive: true });
    await rm(join(mounted.folder, "level-0"), { recursive: true });
    await writeFile(join(mounted.folder, "large"), Buffer.alloc(mib(40), 3));
    assert.equal(await readFile(join(mounted.folder, "many/file-1"), "utf8"), "1");
    assert.equal(await readFile(join(mounted.folder, "elsewhere/third"), "utf8"), "linked");
  }
  await drawn.image.assertClean();
});

test("an image that was cut off while mounted recovers from its journal", asRoot, async () => {
  await using drawn = await TestImage.draw(drawAll);
  await using mounted = await drawn.image.mount("rw");
  for (let i = 0; i < 500; i += 1) await writeFile(join(mounted.folder, `new-${i}`), "new");
  // The journal is committed, the places that it speaks of are not written yet.
  execFileSync("sync", ["-f", mounted.folder]);
  for (let i = 0; i < 500; i += 1) await writeFile(join(mounted.folder, `lost-${i}`), "lost");
  await using cut = await drawn.image.copy();
  assert.match(await cut.debugfs("stats"), /needs_recovery/);
  {
    await using again = await cut.mount("rw");
    assert.equal(await readFile(join(again.folder, "new-499"), "utf8"), "new");
    assert.equal(await readFile(join(again.folder, "links/first"), "utf8"), "linked");
  }
  await cut.assertClean();
});

test("the journal's whereabouts are kept twice, and are the same", async () => {
  await using drawn = await TestImage.draw(drawAll);
  assert.match(await drawn.image.debugfs("stats"), /Journal backup: +inode blocks/);
  assert.match(await drawn.image.debugfs("stat <8>"), /Size: 134217728/);
});

test("the same tree gives the same bytes, whatever the day", async () => {
  const hashes: string[] = [];
  for (let i = 0; i < 2; i += 1) {
    await using drawn = await TestImage.draw(drawAll, { sizeBytes: mib(64) });
    hashes.push(execFileSync("sha256sum", ["-b", drawn.image.path], { encoding: "utf8" }).slice(0, 64));
  }
  assert.equal(hashes[0], hashes[1]);
});

test("another identity gives another UUID, and nothing else in the summary", async () => {
  await using one = await TestImage.draw(drawAll, { identity: Buffer.from("one") });
  await using two = await TestImage.draw(drawAll, { identity: Buffer.from("two") });
  assert.notEqual(one.summary.uuid, two.summary.uuid);
  assert.deepEqual({ ...one.summary, uuid: "" }, { ...two.summary, uuid: "" });
});
