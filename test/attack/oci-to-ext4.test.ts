import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Ext4Writer } from "../../src/ext4/writer.ts";
import type { ErrorCode } from "../../src/lib/error-codes.ts";
import { mib } from "../../src/lib/bytes.ts";
import { noProgress } from "../../src/lib/progress.ts";
import { FileTree } from "../../src/model/file-tree.ts";
import { BlobStore } from "../../src/oci/layers/blob-store.ts";
import { importImage } from "../../src/oci/layers/import-image.ts";
import { DEFAULT_LIMITS, type ImportLimits } from "../../src/oci/layers/limits.ts";
import { openImageSource } from "../../src/oci/open-source.ts";
import { parseReference } from "../../src/oci/source/reference.ts";
import { resolveImage } from "../../src/oci/source/resolve-image.ts";
import { expectCode } from "../helpers/expect-code.ts";
import { TarBuilder } from "../helpers/tar-builder.ts";
import { TestLayout, type TestLayer } from "../helpers/test-layout.ts";

const tar = (): TarBuilder => new TarBuilder();
const small: ImportLimits = { ...DEFAULT_LIMITS, ratioFreeBytes: mib(1), maxUnpackedBytes: mib(64) };

/** Imports into a real file system, and asserts that it fails so, with no file left and no more memory than it may take. */
async function fails(
  layers: readonly (TestLayer | Buffer)[],
  code: ErrorCode,
  says: RegExp,
  limits = DEFAULT_LIMITS,
): Promise<void> {
  await using layout = await TestLayout.make(layers);
  const folder = await mkdtemp(join(tmpdir(), "banger-attack-"));
  const { signal } = new AbortController();
  const before = process.memoryUsage.rss();
  try {
    const work = async (): Promise<void> => {
      await using source = await openImageSource(parseReference(layout.reference), signal);
      const image = await resolveImage(source, { signal });
      const options = { identity: Buffer.from("x"), sizeBytes: mib(256), durable: false };
      await using writer = await Ext4Writer.create(join(folder, "disk"), options);
      const store = new BlobStore(join(folder, "blobs"));
      using tree = new FileTree(folder);
      await importImage(image, source, store, tree, writer, { signal, progress: noProgress, limits });
      await writer.finish(tree);
    };
    await expectCode(work(), code, says);
    assert.deepEqual(await readdir(folder), ["blobs"]);
    const partial = (await readdir(join(folder, "blobs/sha256"))).filter((name) => name.endsWith(".partial"));
    assert.deepEqual(partial, []);
    assert.ok(process.memoryUsage.rss() - before < mib(150), `${process.memoryUsage.rss() - before} bytes more`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test("bombs leave nothing of the disk that they were written to", async () => {
  const bomb = tar()
    .file("zeros", Buffer.alloc(mib(32)))
    .end();
  for (const compression of ["gzip", "zstd"] as const) {
    await fails([{ tar: bomb, compression }], "LAYER_TOO_LARGE", /times its size/, small);
  }
});

test("an archive that is cut off leaves nothing, nor does one with a hostile entry after good ones", async () => {
  const good = tar().file("good", Buffer.alloc(mib(5), 1));
  await fails([good.end(), good.cut().subarray(0, mib(3))], "LAYER_INVALID", /cut off/);
  await fails([good.file("../evil", "x").end()], "LAYER_INVALID", /\.\./);
});

test("content that does not fit into the disk", async () => {
  const large = tar()
    .file("large", Buffer.alloc(mib(270), 1))
    .end();
  await fails([{ tar: large, compression: "gzip" }], "EXT4_FULL", /needs at least/);
});

test("more names for a file than ext4 counts", async () => {
  const links = tar().file("f", "x");
  for (let i = 0; i < 65_000; i += 1) links.hardlink(`l${i}`, "f");
  await fails([{ tar: links.end(), compression: "gzip" }], "EXT4_LIMIT", /65001 names/);
});

test("ten thousand extended attributes, and one that is larger than a block", async () => {
  const many = Array.from({ length: 10_000 }, (_, i) => [`SCHILY.xattr.user.a${i}`, "value"] as const);
  await fails([tar().pax(many).file("f").end()], "LAYER_TOO_LARGE", /bytes of extended attributes/);
  const large = [["SCHILY.xattr.user.large", Buffer.alloc(5000, "x")]] as const;
  await fails([tar().pax(large).file("f").end()], "EXT4_LIMIT", /more extended attributes/);
});

test("attributes and targets that would fill the memory, each of them small enough", async () => {
  const limits = { ...DEFAULT_LIMITS, maxMetadataBytes: mib(2) };
  const attributes = tar();
  const targets = tar();
  for (let i = 0; i < 600; i += 1) {
    attributes.pax([["SCHILY.xattr.user.a", Buffer.alloc(4000, "x")]]).file(`f${i}`);
    targets.long("t".repeat(4000), "K").symlink(`l${i}`, "x");
  }
  for (const layer of [attributes, targets]) {
    await fails([{ tar: layer.end(), compression: "gzip" }], "LAYER_TOO_LARGE", /longer than 2 MiB/, limits);
  }
});

test("an ACL that is none", async () => {
  const acl = [["SCHILY.xattr.system.posix_acl_access", "not an ACL"]] as const;
  await fails([tar().pax(acl).file("f").end()], "EXT4_LIMIT", /access control list/);
});

for (const kind of ["oci-archive", "docker-archive"] as const) {
  test(`${kind}: files that are no archive, however short`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "banger-attack-"));
    const { signal } = new AbortController();
    try {
      const path = join(folder, "file");
      const whole = tar().file("manifest.json", "[]").file("oci-layout", "{}").end();
      const files: Uint8Array[] = [0, 1, 2, 3, 4, 5, 511, 512, 513].map((length) => Buffer.alloc(length, 0x1f));
      files.push(
        Buffer.from([0x1f, 0x8b]),
        Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
        Buffer.alloc(2048),
        whole.subarray(0, 513),
      );
      for (const content of files) {
        await writeFile(path, content);
        const opened = async (): Promise<void> => {
          await using source = await openImageSource({ kind, path, name: undefined }, signal);
          await resolveImage(source, { signal });
        };
        await expectCode(opened(), "ARCHIVE_INVALID");
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
