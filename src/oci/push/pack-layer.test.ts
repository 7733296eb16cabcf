import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sparseFile } from "../../formats/testing/sparse-file.ts";
import { run } from "../../lib/process.ts";
import { noProgress } from "../../lib/progress.ts";
import { unpack } from "../../formats/tar/unpack-archive.ts";
import { archiveDigest, packLayer, type PackedFile } from "./pack-layer.ts";
import { FormatError } from "../../formats/format-error.ts";
import { TarReader } from "../../formats/tar/tar-reader.ts";
import { FileUnpacker, type ExpectedFiles } from "../../formats/tar/unpack-files.ts";

const signal = new AbortController().signal;
const options = { signal, progress: noProgress, mediaType: "x", label: "x" };
const MIB = 2 ** 20;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "banger-pack-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function unpackTo(target: string, packed: AsyncIterable<Buffer>, expected: ExpectedFiles) {
  const files = new FileUnpacker(target, expected);
  try {
    const reader = new TarReader(files);
    for await (const chunk of unpack(packed)) await reader.push(chunk);
    reader.end();
    return await files.finish();
  } finally {
    await files.close();
  }
}

const expecting = (required: readonly string[], more: Partial<ExpectedFiles> = {}): ExpectedFiles => ({
  required,
  folders: [],
  maxFileBytes: 2 ** 40,
  maxFiles: 100,
  ...more,
});

test("a disk comes out as it went in, here and by GNU tar, and its holes stay holes", async () => {
  const size = 5 * 2 ** 30;
  const path = await sparseFile(join(folder, "disk.img"), size, [
    [4096, Buffer.alloc(200_000, 1)],
    [4 * 2 ** 30 + 5, Buffer.alloc(10, 2)],
  ]);
  const layer = await packLayer([{ name: "root.img", path, isSparse: true }], join(folder, "disk.layer"), options);
  assert.ok(layer.descriptor.size < 2000, String(layer.descriptor.size));
  await unpackTo(join(folder, "ours"), layer.open(), expecting(["root.img"]));
  await run("mkdir", [join(folder, "gnu")]);
  await run("tar", ["--zstd", "-xf", join(folder, "disk.layer"), "-C", join(folder, "gnu")]);
  for (const copy of [join(folder, "ours/root.img"), join(folder, "gnu/root.img")]) {
    assert.equal((await stat(copy)).size, size);
    assert.match((await run("qemu-img", ["compare", "-f", "raw", "-F", "raw", path, copy])).stdout, /identical/);
    assert.ok((await stat(copy)).blocks * 512 < MIB);
  }
  // A difference is seen.
  const other = await sparseFile(join(folder, "other.img"), size, [[4 * 2 ** 30 + 5, Buffer.alloc(10, 2)]]);
  await assert.rejects(run("qemu-img", ["compare", "-f", "raw", "-F", "raw", path, other]));
});

test("the same files make the same archive, which can be told without packing it; others do not", async () => {
  const deep = `modules/${"deep/".repeat(30)}module.ko`;
  await run("mkdir", ["-p", join(folder, "in", deep, "..")]);
  await writeFile(join(folder, "in", deep), "module");
  await writeFile(join(folder, "in", "image"), "kernel");
  await writeFile(join(folder, "in", "empty"), "");
  const files: PackedFile[] = ["empty", "image", deep].map((name) => ({
    name,
    path: join(folder, "in", name),
    isSparse: false,
  }));
  const one = await packLayer(files, join(folder, "1.layer"), options);
  const two = await packLayer(files, join(folder, "2.layer"), options);
  assert.equal(one.descriptor.digest, two.descriptor.digest);
  assert.equal(one.diffId, await archiveDigest(files, signal));
  const into = join(folder, "kernel");
  const sizes = await unpackTo(into, one.open(), expecting(["image", "empty"], { folders: ["modules/"] }));
  assert.deepEqual(
    [...sizes],
    [
      ["empty", 0],
      ["image", 6],
      [deep, 6],
    ],
  );
  assert.equal(await readFile(join(into, deep), "utf8"), "module");

  await writeFile(join(folder, "in", "image"), "kernal");
  assert.notEqual(await archiveDigest(files, signal), one.diffId);
});

test("what is missing, or goes away, or is cancelled", async () => {
  const gone: PackedFile[] = [{ name: "a", path: join(folder, "gone"), isSparse: false }];
  await assert.rejects(packLayer(gone, join(folder, "3.layer"), options), { code: "FILE_UNREADABLE" });
  const stop = AbortSignal.abort();
  const disk: PackedFile[] = [{ name: "a", path: join(folder, "disk.img"), isSparse: true }];
  await assert.rejects(packLayer(disk, join(folder, "4.layer"), { ...options, signal: stop }), { name: "AbortError" });
});

test("an archive with anything but the files that are expected is refused, and nothing is written beside them", async () => {
  const { TarBuilder } = await import("../../../test/helpers/tar-builder.ts");
  const once = async function* (tar: Buffer): AsyncGenerator<Buffer> {
    yield tar;
  };
  const good = () => new TarBuilder().file("root.img", "x");
  const cases: readonly (readonly [string, Buffer, RegExp])[] = [
    ["none", new TarBuilder().end(), /holds no root\.img/],
    ["another name", good().file("evil", "x").end(), /does not belong/],
    ["a way out", good().file("../evil", "x").end(), /\.\./],
    ["an absolute path", good().file("/etc/evil", "x").end(), /does not belong/],
    ["a folder", good().dir("root.img/").end(), /only plain files/],
    ["a link", new TarBuilder().symlink("root.img", "/etc/passwd").end(), /only plain files/],
    ["a hard link", good().hardlink("m/a", "root.img").end(), /only plain files/],
    ["twice", good().file("./root.img", "y").end(), /twice/],
    ["a folder's own name", good().file("m/", "").end(), /does not belong/],
    ["control characters", good().file("m/\u0007", "x").end(), /does not belong/],
    ["too large", new TarBuilder().file("root.img", "x".repeat(101)).end(), /more than 100 bytes/],
    ["too many", good().file("m/1", "").file("m/2", "").file("m/3", "").end(), /more than 3 files/],
  ];
  for (const [what, tar, says] of cases) {
    const target = join(folder, `bad ${what}`);
    await run("mkdir", [target]);
    const expected = expecting(["root.img"], { folders: ["m/"], maxFileBytes: 100, maxFiles: 3 });
    await assert.rejects(unpackTo(target, once(tar), expected), (error: Error) => {
      assert.ok(error instanceof FormatError, `${what}: ${error.stack}`);
      assert.match(error.message, says, what);
      return true;
    });
    const { stdout } = await run("find", [folder, "-name", "*evil*", "-o", "-type", "l"]);
    assert.equal(stdout, "", what);
  }
});
