import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { base256, TarBuilder } from "../helpers/tar-builder.ts";
import { importLayers, importReference, TestLayout, type TestLayer } from "../helpers/test-layout.ts";
import { differences, listFolder, listTree, unpackWithUmoci } from "../helpers/tree-listing.ts";

const asRoot = { skip: process.getuid?.() === 0 ? false : "umoci keeps owners and devices as root only" };

/**
 * What differs between our tree and what umoci unpacks. Where umoci leaves the time of unpacking on a directory (nobody
 * described it, or umoci made or removed something two levels below), times are not compared.
 */
async function compare(layers: readonly (TestLayer | Buffer)[]): Promise<string[]> {
  const began = BigInt(Date.now() - 1000) * 1_000_000n;
  await using layout = await TestLayout.make(layers);
  const folder = await mkdtemp(join(tmpdir(), "banger-umoci-"));
  try {
    const { root, sink } = await importReference({ kind: "oci", path: layout.folder, name: undefined });
    const ours = listTree(root, (inode) => sink.contentOf(inode));
    const theirs = await listFolder(await unpackWithUmoci(layout.folder, join(folder, "bundle")));
    for (const [path, entry] of theirs) {
      const own = ours.get(path);
      if (entry.type !== "directory" || own === undefined || BigInt(entry.mtime) < began) continue;
      theirs.set(path, { ...entry, mtime: own.mtime });
    }
    return differences(ours, theirs);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const base = (): TarBuilder =>
  new TarBuilder()
    .dir("./", { mtime: 1_000_000, mode: 0o755 })
    .dir("etc", { mtime: 2_000_000 })
    .file("etc/passwd", "root\n", { mtime: 3_000_000, mode: 0o640, uid: 3, gid: 4 })
    .hardlink("etc/passwd-", "etc/passwd", { mtime: 9_000_000, mode: 0o777, uid: 77 })
    .symlink("localetc", "/etc", { mtime: 4_000_000, uid: 5 })
    .file("etc/shadow", "shadow", { mtime: 3_500_000 })
    .dir("a", { mtime: 5_000_000 })
    .dir("a/b", { mtime: 5_100_000 })
    .file("a/b/c", "c", { mtime: 5_200_000 })
    .file("a/b/d", "d", { mtime: 5_300_000 })
    .file("a/e", "e", { mtime: 5_400_000 });

const dd = (...args: string[]): Buffer => execFileSync("dd", ["if=/dev/urandom", "bs=4k", "status=none", ...args]);

test("every type and attribute", asRoot, async () => {
  const layer = base()
    .file("suid", "x", { mode: 0o4755, mtime: 1 })
    .dir("tmp", { mode: 0o1777, mtime: 2 })
    .add({ name: "null", type: "3", devmajor: 1, devminor: 3, mode: 0o666, mtime: 3 })
    .add({ name: "disk", type: "4", devmajor: 259, devminor: 70_000, mode: 0o660, mtime: 3 })
    .add({ name: "fifo", type: "6", mtime: 4 })
    .file("old", "x", { mtime: base256(-86_400n * 365n, 12) })
    .file("far", "x", { mtime: base256(5_000_000_000n, 12) })
    .file("huge-id", "x", { uid: base256(4_000_000_000n, 8), gid: base256(3_000_000_000n, 8), mtime: 5 })
    .pax([
      ["mtime", "1234567890.123456789"],
      ["SCHILY.xattr.user.plain", "value"],
      ["SCHILY.xattr.user.binary", Buffer.from([0, 1, 0x3d, 0x0a, 0xff])],
      ["SCHILY.xattr.security.capability", Buffer.from("0100000200200000000000000000000000000000", "hex")],
      ["uid", "70000"],
    ])
    .file("pax", "x")
    .pax([["path", `long/${"n".repeat(200)}`]])
    .file("short", "long", { mtime: 6 })
    .long(`gnu/${"g".repeat(220)}`)
    .file("short", "gnu", { mtime: 7 })
    .file(Buffer.from([0x6c, 0xff, 0xfe, 0x0a, 0x5c]), "bytes", { mtime: 8 })
    .end();
  assert.deepEqual(await compare([{ tar: layer, compression: "gzip" }]), []);
});

test("whiteouts of each kind", asRoot, async () => {
  const lower = base()
    .dir("gone", { mtime: 6 })
    .file("gone/x", "x")
    .dir("opaque", { mtime: 7 })
    .file("opaque/x", "x")
    .end();
  const upper = new TarBuilder()
    .file("etc/.wh.passwd")
    .file(".wh.gone")
    .file(".wh.never-was")
    .file("opaque/kept", "kept", { mtime: 8 })
    .file("opaque/.wh..wh..opq")
    .file("opaque/later", "later", { mtime: 9 })
    .file("a/b/new", "new", { mtime: 10 })
    .file("a/.wh.b")
    .file(".wh.localetc")
    .end();
  assert.deepEqual(await compare([lower, upper]), []);
});

test("what replaces what", asRoot, async () => {
  const upper = new TarBuilder()
    .file("a", "a file where a directory was", { mtime: 11 })
    .dir("localetc", { mtime: 12, mode: 0o700 })
    .file("localetc/inside", "inside", { mtime: 13 })
    .dir("etc/shadow", { mtime: 14 })
    .file("etc/shadow/below", "below", { mtime: 15 })
    .end();
  const top = new TarBuilder()
    .dir("a", { mtime: 16 })
    .file("a/x", "x", { mtime: 17 })
    .symlink("etc", "a", { mtime: 18 })
    .end();
  assert.deepEqual(await compare([base().end(), upper]), []);
  assert.deepEqual(await compare([base().end(), upper, top]), []);
});

test("directories described again, and left as they were", asRoot, async () => {
  const upper = new TarBuilder()
    .pax([["SCHILY.xattr.user.dir", "1"]])
    .dir("a", { mtime: 20, mode: 0o700, uid: 9 })
    .file("a/b/c", "changed", { mtime: 21 })
    .file("a/b/f", "new", { mtime: 22 })
    .end();
  const top = new TarBuilder().dir("a", { mtime: 23, mode: 0o755 }).end();
  assert.deepEqual(await compare([base().end(), upper]), []);
  assert.deepEqual(await compare([base().end(), upper, top]), []);
});

test("links, across layers and through links", asRoot, async () => {
  const upper = new TarBuilder()
    .hardlink("etc/again", "a/b/c", { mtime: 30 })
    .hardlink("absolute", "/a/b/d", { mtime: 31 })
    .hardlink("to-symlink", "localetc", { mtime: 32 })
    .hardlink("through", "localetc/passwd", { mtime: 32 })
    .file("localetc/written", "through a link", { mtime: 33 })
    .file("localetc/.wh.passwd-")
    .symlink("up", "../../../../etc", { mtime: 34 })
    .file("up/contained", "contained", { mtime: 35 })
    .end();
  assert.deepEqual(await compare([base().end(), upper]), []);
});

test("entries without parents", asRoot, async () => {
  const layer = new TarBuilder()
    .file("no/parents/here", "x", { mtime: 40 })
    .symlink("dangling", "not/there", { mtime: 41 })
    .file("dangling/file", "x", { mtime: 42 })
    .dir("no/parents", { mode: 0o700, mtime: 43 })
    .hardlink("also/none/link", "no/parents/here")
    .end();
  assert.deepEqual(await compare([layer]), []);
});

test("archives of GNU tar in each format, sparse files too", asRoot, async () => {
  const folder = await mkdtemp(join(tmpdir(), "banger-gnutar-"));
  try {
    execFileSync("truncate", ["-s", "20M", join(folder, "only-a-hole")]);
    dd(`of=${join(folder, "late")}`, "count=1", "seek=1000");
    dd(`of=${join(folder, "dense")}`, "count=100");
    for (let at = 0; at < 120; at++) dd(`of=${join(folder, "holes")}`, "count=1", `seek=${at * 3}`, "conv=notrunc");
    execFileSync("truncate", ["-s", "+1M", join(folder, "holes")]);
    execFileSync("cp", ["-a", join(folder, "holes"), join(folder, "n".repeat(200))]);
    for (const name of await readdir(folder)) await utimes(join(folder, name), 5, 5);
    await utimes(folder, 5, 5);
    const theirs = await listFolder(folder);
    const posix = ["--format=posix", "--sparse", "--sparse-version"];
    for (const args of [
      ["--format=gnu", "--sparse"],
      ["--format=gnu"],
      [...posix, "0.0"],
      [...posix, "0.1"],
      [...posix, "1.0"],
    ]) {
      const tar = execFileSync("tar", ["-C", folder, ...args, "-cf", "-", "."], { maxBuffer: 2 ** 30 });
      const { root, sink } = await importLayers([{ tar, compression: "zstd" }]);
      const ours = listTree(root, (inode) => sink.contentOf(inode));
      assert.deepEqual(differences(ours, theirs), [], args.join(" "));
      // Parts that no archive holds were told as holes, not written.
      if (args.includes("--sparse")) assert.ok(tar.length < 10 * 2 ** 20, args.join(" "));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("the comparison sees each attribute", asRoot, async () => {
  await using layout = await TestLayout.make([
    base()
      .pax([["SCHILY.xattr.user.a", "1"]])
      .file("x", "x")
      .add({ name: "dev", type: "3", devmajor: 1, devminor: 3 })
      .end(),
  ]);
  const { root, sink } = await importReference({ kind: "oci", path: layout.folder, name: undefined });
  const listing = listTree(root, (inode) => sink.contentOf(inode));
  for (const [path, entry] of listing) {
    for (const key of Object.keys(entry) as (keyof typeof entry)[]) {
      const changed = new Map(listing);
      changed.set(path, { ...entry, [key]: key === "links" ? 99 : `${entry[key]}!` });
      assert.equal(differences(listing, changed).length, 1, `${path} ${key}`);
    }
    const without = new Map(listing);
    without.delete(path);
    assert.equal(differences(listing, without).length, 1);
  }
});
