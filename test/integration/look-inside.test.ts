import assert from "node:assert/strict";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Ext4Writer } from "../../src/ext4/writer.ts";
import { mib } from "../../src/lib/bytes.ts";
import { FileTree } from "../../src/model/file-tree.ts";
import type { Image } from "../../src/model/image.ts";
import type { ImageFile } from "../../src/model/image-file.ts";
import { listFiles, readFileIn } from "../../src/nouns/images/inspect/look-inside.ts";
import { expectCode } from "../helpers/expect-code.ts";
import { TarBuilder } from "../helpers/tar-builder.ts";
import { BlobStore } from "../../src/oci/layers/blob-store.ts";
import { importImage } from "../../src/oci/layers/import-image.ts";
import { openImageSource } from "../../src/oci/open-source.ts";
import { parseReference } from "../../src/oci/source/reference.ts";
import { resolveImage } from "../../src/oci/source/resolve-image.ts";
import { noProgress } from "../../src/lib/progress.ts";
import { TestLayout } from "../helpers/test-layout.ts";

const signal = new AbortController().signal;
let folder: string;
let image: Image;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "banger-look-"));
  const tar = new TarBuilder()
    .dir("etc")
    .file("etc/passwd", "root:x:0:0\n", { mode: 0o644 })
    .symlink("etc/out", "../../../../../../etc/passwd")
    .symlink("etc/host", "/proc/self/environ")
    .symlink("etc/loop", "loop")
    .symlink("link", "etc")
    .file(Buffer.from("etc/\u001b[31mred\u0007"), "red")
    .file(Buffer.from("6574632fff0a", "hex"), "odd")
    .add({ name: "dev-null", type: "3", devmajor: 1, devminor: 3 })
    .end();
  await using layout = await TestLayout.make([tar]);
  await using source = await openImageSource(parseReference(layout.reference), signal);
  const resolved = await resolveImage(source, { signal });
  const path = join(folder, "root.ext4");
  await using writer = await Ext4Writer.create(path, { identity: Buffer.from("look"), sizeBytes: mib(64) });
  const options = { signal, progress: noProgress };
  using tree = new FileTree(folder);
  await importImage(resolved, source, new BlobStore(join(folder, "blobs")), tree, writer, options);
  await writer.finish(tree);
  image = { name: "look", managed: true, rootfs: { path } } as Image;
});

after(() => rm(folder, { recursive: true, force: true }));

async function collect<T>(from: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const one of from) all.push(one);
  return all;
}

async function list(path: string, recursive = false): Promise<readonly ImageFile[]> {
  return collect(listFiles(image, { path, recursive }, signal));
}

async function cat(path: string): Promise<string> {
  const chunks = await collect(readFileIn(image, path, signal));
  return Buffer.concat(chunks).toString("utf8");
}

test("names that a terminal would act on are escaped, and found again by what is written", async () => {
  const names = (await list("/etc")).map(({ path }) => path);
  const red = String.raw`/etc/\x1b[31mred\x07`;
  const odd = String.raw`/etc/\xff\x0a`;
  assert.ok(names.includes(red) && names.includes(odd), names.join());
  assert.equal(await cat(red), "red");
  assert.equal(await cat(odd), "odd");
  assert.deepEqual(
    (await list(odd)).map(({ path }) => path),
    [odd],
  );
});

test("links lead inside the image and nowhere else", async () => {
  assert.equal(await cat("/etc/out"), "root:x:0:0\n");
  assert.equal(await cat("/link/passwd"), "root:x:0:0\n");
  assert.equal(await cat("/../../../etc/passwd"), "root:x:0:0\n");
  await expectCode(cat("/etc/host"), "PATH_NOT_FOUND");
  await expectCode(cat("/etc/loop"), "PATH_NOT_FOUND", /40 links/);
  assert.deepEqual(
    (await list("/link")).map(({ path }) => path),
    (await list("/etc")).map(({ path }) => `/link${path.slice(4)}`),
  );
  const [out] = await list("/etc/out");
  assert.deepEqual([out?.type, out?.target], ["symlink", "../../../../../../etc/passwd"]);
});

test("devices are told of and not read; folders and what is not there are not content", async () => {
  const [device] = await list("/dev-null");
  assert.deepEqual([device?.type, device?.device], ["char", [1, 3]]);
  await expectCode(cat("/dev-null"), "PATH_NOT_FOUND", /it is a char/);
  await expectCode(cat("/etc"), "PATH_NOT_FOUND", /it is a directory/);
  await expectCode(list("/etc/passwd/below"), "PATH_NOT_FOUND");
  assert.equal((await list("/", true)).filter(({ type }) => type === "file").length, 3);
});

test("a file system that is damaged, is none, or is gone", async () => {
  const path = join(folder, "bad");
  await using file = await open(path, "w");
  await file.truncate(1024 ** 2);
  const at = (rootfs: string): Image => ({ ...image, rootfs: { ...image.rootfs, path: rootfs } });
  await expectCode(collect(listFiles(at(path), { path: "/", recursive: false }, signal)), "EXT4_INVALID");
  await expectCode(collect(readFileIn(at(join(folder, "gone")), "/x", signal)), "FILE_UNREADABLE");
});
