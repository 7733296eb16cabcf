import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, statSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createEmptyExt4, Ext4Writer } from "../../src/ext4/writer.ts";
import { bytes, gib, kib, mib, type Bytes } from "../../src/lib/bytes.ts";
import { asBangerError, BangerError } from "../../src/lib/errors.ts";
import { FileTree } from "../../src/model/file-tree.ts";
import { attributes, emptyFile, needsLoop, TestImage, type Piece, type Sketch } from "../helpers/ext4-image.ts";

const asRoot = { skip: needsLoop };

const code = (wanted: string) => (error: unknown) => error instanceof BangerError && error.code === wanted;

/** So many bytes that are never zero, and differ from block to block. */
async function writeLong(t: Sketch, path: string, bytes: number): Promise<string> {
  const hash = createHash("sha256");
  t.writer.beginFile();
  const chunk = Buffer.alloc(mib(1));
  for (let done = 0; done < bytes; done += chunk.length) {
    chunk.fill(1 + ((done / chunk.length) % 255));
    const part = chunk.subarray(0, Math.min(chunk.length, bytes - done));
    hash.update(part);
    await t.writer.write(part);
  }
  const { size, extents } = t.writer.endFile();
  t.add(path, { type: "file", ...attributes(), size, extents });
  return hash.digest("hex");
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path);
  for await (const chunk of file.createReadStream({ highWaterMark: mib(1) })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

test("files at the borders of extents, and past 4 GiB", asRoot, async () => {
  const hashes = new Map<string, string>();
  await using drawn = await TestImage.draw(async (t) => {
    for (const size of [0, 1, 4096, 4097, mib(128), mib(128) + 1, mib(300)]) {
      hashes.set(`f${size}`, await writeLong(t, `f${size}`, size));
    }
    await t.file("sparse-513M", [Buffer.alloc(4096, 1), mib(513) - 8192, Buffer.alloc(4096, 2)]);
    await t.file("sparse-6G", [Buffer.from("first"), gib(6), Buffer.from("last")]);
  });
  assert.ok(statSync(drawn.image.path).blocks * 512 < mib(600));
  await drawn.image.assertClean();
  await using mounted = await drawn.image.mount();
  for (const [name, hash] of hashes) assert.equal(await hashFile(join(mounted.folder, name)), hash, name);
  assert.equal(lstatSync(join(mounted.folder, "sparse-513M")).size, mib(513));
  const file = await open(join(mounted.folder, "sparse-6G"));
  try {
    const { buffer } = await file.read(Buffer.alloc(10), 0, 10, gib(6) + 3);
    assert.equal(buffer.toString("latin1"), "\0\0last\0\0\0\0");
    assert.equal((await file.stat()).size, gib(6) + 9);
  } finally {
    await file.close();
  }
});

for (const runs of [4, 5, 340, 1360, 1361, 3000]) {
  test(`a file of ${runs} runs between holes`, asRoot, async () => {
    const pieces: Piece[] = [];
    for (let i = 0; i < runs; i += 1) pieces.push(Buffer.alloc(4096, 1 + (i % 255)), 4096);
    await using drawn = await TestImage.draw(async (t) => {
      await t.file("before", Buffer.from("x"));
      await t.file("file", pieces);
      await t.file("after", Buffer.from("x"));
    });
    await drawn.image.assertClean();
    const levels = runs <= 4 ? 0 : runs <= 1360 ? 1 : 2;
    assert.match(await drawn.image.debugfs("ex file"), new RegExp(`^ *0/ *${levels} `, "m"));
    await using mounted = await drawn.image.mount();
    const wanted = Buffer.concat(pieces.map((piece) => (typeof piece === "number" ? Buffer.alloc(piece) : piece)));
    assert.equal(await hashFile(join(mounted.folder, "file")), createHash("sha256").update(wanted).digest("hex"));
  });
}

test("a directory of 100,000 names, each found by the kernel", asRoot, async () => {
  const names = Array.from({ length: 100_000 }, (_, i) => `name-${i}-${"\xe4".repeat(i % 40)}`);
  await using drawn = await TestImage.draw((t) => {
    for (const name of names) t.add(`large/${name}`, emptyFile());
  });
  await drawn.image.assertClean();
  await using mounted = await drawn.image.mount();
  const folder = Buffer.from(join(mounted.folder, "large/"));
  for (const name of names) lstatSync(Buffer.concat([folder, Buffer.from(name, "latin1")]));
  assert.throws(() => lstatSync(join(mounted.folder, "large/name-100000-")));
});

test("a directory whose index has two levels, and which the kernel adds to", asRoot, async () => {
  const nameOf = (i: number): string => `${i}-`.padEnd(250, "long");
  await using drawn = await TestImage.draw((t) => {
    for (let i = 0; i < 12_000; i += 1) t.add(`d/${nameOf(i)}`, emptyFile());
  });
  await drawn.image.assertClean();
  assert.match(await drawn.image.debugfs("htree_dump d"), /Indirect levels: 1/);
  {
    await using mounted = await drawn.image.mount("rw");
    for (let i = 0; i < 12_000; i += 1) lstatSync(join(mounted.folder, "d", nameOf(i)));
    for (let i = 12_000; i < 15_000; i += 1) await (await open(join(mounted.folder, "d", nameOf(i)), "wx")).close();
  }
  await drawn.image.assertClean();
});

test("more subdirectories than a link count can say", asRoot, async () => {
  await using drawn = await TestImage.draw((t) => {
    t.directory("just");
    for (let i = 0; i < 64_998; i += 1) t.directory(`just/${i}`);
    t.directory("more");
    for (let i = 0; i < 64_999; i += 1) t.directory(`more/${i}`);
  });
  await drawn.image.assertClean();
  await using mounted = await drawn.image.mount();
  assert.equal(lstatSync(join(mounted.folder, "just")).nlink, 65_000);
  assert.equal(lstatSync(join(mounted.folder, "more")).nlink, 1);
});

test("200,000 small files in a small file system", async () => {
  await using drawn = await TestImage.draw(
    async (t) => {
      const content = Buffer.alloc(100, 1);
      for (let i = 0; i < 200_000; i += 1) {
        t.writer.beginFile();
        await t.writer.write(content);
        const { size, extents } = t.writer.endFile();
        t.add(`${i % 1000}/${i}`, { type: "file", ...attributes(), size, extents });
      }
    },
    { sizeBytes: gib(1) },
  );
  assert.ok(drawn.summary.inodes.total >= 250_000);
  assert.equal(drawn.summary.sizeBytes, gib(1));
  await drawn.image.assertClean();
});

test("contents that the tree has lost are free space of zeros", async () => {
  const secret = Buffer.alloc(mib(3), "secret");
  const draw = async (t: Sketch): Promise<void> => {
    await t.file("kept", Buffer.alloc(9000, 1));
    await t.file("lost", secret);
    await t.file("kept-too", Buffer.alloc(9000, 2));
    t.tree.unlink(t.tree.find(t.tree.root, "lost"));
  };
  await using drawn = await TestImage.draw(draw, { sizeBytes: mib(64) });
  await drawn.image.assertClean();
  assert.match(await drawn.image.debugfs("testb 300"), /not in use/);
  const file = await open(drawn.image.path);
  for await (const chunk of file.createReadStream()) assert.ok(!(chunk as Buffer).includes("secret"));
});

test("a volume grows past the size wished when the content asks for it, up to what is allowed", async () => {
  const draw = async (t: Sketch): Promise<void> => {
    await writeLong(t, "long", mib(200));
  };
  await using drawn = await TestImage.draw(draw, { sizeBytes: mib(64), maxSizeBytes: gib(4) });
  await drawn.image.assertClean();
  assert.ok(drawn.summary.sizeBytes > mib(200) && drawn.summary.sizeBytes <= mib(512));
  await assert.rejects(TestImage.draw(draw, { sizeBytes: mib(64), maxSizeBytes: mib(128) }), code("EXT4_FULL"));
});

test("a volume grows for the room that must be left in it", async () => {
  const draw = (t: Sketch): Promise<unknown> => t.file("file", Buffer.alloc(mib(40), 1));
  const sizes = { sizeBytes: mib(64), maxSizeBytes: gib(4), minFreeBytes: mib(500) };
  await using drawn = await TestImage.draw(draw, sizes);
  await drawn.image.assertClean();
  const { used, total } = drawn.summary.blocks;
  assert.ok((total - used) * 4096 >= mib(500) && total * 4096 <= mib(768));
});

test("what does not fit is refused with the size needed, and nothing is left", async () => {
  await using image = await TestImage.empty();
  const writer = await Ext4Writer.create(image.path, { identity: Buffer.from("x"), sizeBytes: mib(8), durable: false });
  for (let i = 0; i < 40; i += 1) {
    writer.beginFile();
    await writer.write(Buffer.alloc(kib(150), 1));
    writer.endFile();
  }
  using tree = new FileTree(image.folder);
  await assert.rejects(writer.finish(tree), (error) => {
    assert.ok(error instanceof BangerError && error.code === "EXT4_FULL");
    assert.ok(Number(error.data["neededBytes"]) > mib(8));
    return true;
  });
  assert.throws(() => statSync(image.path), { code: "ENOENT" });
});

test("what ext4 cannot hold is refused by name", async () => {
  const refused = async (draw: (t: Sketch) => unknown): Promise<void> => {
    await assert.rejects(TestImage.draw(draw, { sizeBytes: mib(64) }), code("EXT4_LIMIT"));
  };
  await refused((t) => t.directory(".."));
  await refused((t) => t.tree.add(t.tree.root, "a/b", emptyFile()));
  await refused((t) => t.add("a\0b", emptyFile()));
  await refused((t) => t.symlink("link", ""));
  await refused((t) => t.symlink("link", "x".repeat(4096)));
  await refused((t) => t.device("device", "char", 4096, 0));
  await refused((t) => t.device("device", "char", 0, 2 ** 20));
  const xattr = (name: string, value: Buffer) => (t: Sketch) =>
    t.add("file", emptyFile({ xattrs: new Map([[name, value]]) }));
  await refused(xattr("user.large", Buffer.alloc(4096)));
  await refused(xattr("system.nfs4_acl", Buffer.alloc(4)));
  await refused(xattr(`user.${"n".repeat(256)}`, Buffer.alloc(4)));
  await refused(xattr("system.posix_acl_access", Buffer.from("not an ACL")));
  await refused((t) => {
    const one = t.add("one", emptyFile());
    for (let i = 0; i < 65_000; i += 1) t.link(`${i}`, one);
  });
});

test("65,000 names of one file are possible", async () => {
  await using drawn = await TestImage.draw((t) => {
    const one = t.add("one", emptyFile());
    for (let i = 1; i < 65_000; i += 1) t.link(`${i}`, one);
  });
  await drawn.image.assertClean();
});

test("a lost+found of the tree's own is kept as it is", async () => {
  await using drawn = await TestImage.draw(async (t) => {
    t.directory("lost+found", { mode: 0o750, uid: 7 });
    await t.file("lost+found/#12345", Buffer.from("found"));
  });
  await drawn.image.assertClean();
  assert.match(await drawn.image.debugfs("stat <11>"), /Mode: +0750.*User: +7 /s);
});

test("a lost+found that is a file is a file", async () => {
  await using drawn = await TestImage.draw((t) => t.file("lost+found", Buffer.from("file")));
  await drawn.image.assertClean();
  assert.match(await drawn.image.debugfs("stat lost+found"), /Type: regular/);
});

const SIZES: readonly Bytes[] = [
  mib(1),
  mib(4),
  kib(7 * 1024 + 4),
  mib(8),
  mib(100),
  mib(128),
  kib(128 * 1024 + 4),
  kib(129 * 1024),
  mib(511),
  mib(512),
  gib(3),
  gib(16),
  gib(20),
  gib(130),
  gib(1024),
  gib(5000),
];

for (const sizeBytes of SIZES) {
  test(`an empty file system of ${sizeBytes / 1024} KiB`, async () => {
    await using image = await TestImage.empty();
    const began = performance.now();
    const identity = Buffer.from("empty");
    const summary = await createEmptyExt4(image.path, { identity, sizeBytes, label: "work", durable: false });
    const took = performance.now() - began;
    assert.equal(summary.sizeBytes, sizeBytes);
    assert.equal(statSync(image.path).size, sizeBytes);
    // Descriptors and their copies, 64 bytes a group each, are all that grows with the size.
    assert.ok(
      statSync(image.path).blocks * 512 < mib(1) + sizeBytes / 40_000,
      `${statSync(image.path).blocks} sectors`,
    );
    assert.ok(took < 2000, `took ${took} ms`);
    if (sizeBytes <= gib(1024)) await image.assertClean();
  });
}

test("a size that is no whole number of blocks is rounded down: a VMM would cut off the rest", async () => {
  await using image = await TestImage.empty();
  const sizeBytes = bytes(mib(8) + 4095);
  const summary = await createEmptyExt4(image.path, { identity: Buffer.from("odd"), sizeBytes, durable: false });
  assert.deepEqual([summary.sizeBytes, statSync(image.path).size], [mib(8), mib(8)]);
  await image.assertClean();
});

test("sizes and labels that cannot be are refused", async () => {
  await using image = await TestImage.empty();
  const refuse = async (some: object): Promise<void> => {
    await assert.rejects(createEmptyExt4(image.path, { identity: Buffer.alloc(0), ...some }), code("BAD_REQUEST"));
    assert.throws(() => statSync(image.path), { code: "ENOENT" });
  };
  await refuse({ sizeBytes: 1000 });
  await refuse({ sizeBytes: 2 ** 45 });
  await refuse({ label: "seventeen bytes !" });
});

test("a disk too full for what a tree puts away is told as such", asRoot, async () => {
  await using image = await TestImage.empty();
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", image.folder]);
  try {
    using tree = new FileTree(image.folder);
    const grow = (): void => {
      for (let i = 0; i < 100_000; i += 1) tree.add(tree.root, `${i}`, emptyFile());
    };
    assert.throws(grow, (error) => asBangerError(error).code === "DISK_FULL");
    assert.deepEqual(await readdir(image.folder), []);
  } finally {
    execFileSync("umount", [image.folder]);
  }
});

test("a host disk that is full fails the work, and nothing is left", asRoot, async () => {
  await using image = await TestImage.empty();
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", image.folder]);
  try {
    await using writer = await Ext4Writer.create(image.path, { identity: Buffer.from("x") });
    writer.beginFile();
    const fill = async (): Promise<void> => {
      for (let i = 0; i < 20; i += 1) await writer.write(Buffer.alloc(mib(1), 1));
      writer.endFile();
      using tree = new FileTree(tmpdir());
      await writer.finish(tree);
    };
    await assert.rejects(fill(), (error) => asBangerError(error).code === "DISK_FULL");
    await writer.abort();
    assert.deepEqual(await readdir(image.folder), []);
  } finally {
    execFileSync("umount", [image.folder]);
  }
});

test("an abort ends the work and removes the file", async () => {
  await using image = await TestImage.empty();
  const control = new AbortController();
  const writer = await Ext4Writer.create(image.path, { identity: Buffer.from("x"), signal: control.signal });
  writer.beginFile();
  control.abort();
  await assert.rejects(
    async () => {
      for (let i = 0; i < 100; i += 1) await writer.write(Buffer.alloc(mib(1), 1));
    },
    { name: "AbortError" },
  );
  await writer.abort();
  assert.throws(() => statSync(image.path), { code: "ENOENT" });
});
