import assert from "node:assert/strict";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { isChosenOver } from "../boot/module-choice.ts";
import { openForReading, readAt, readRange } from "../read-at.ts";
import { featuresOf } from "./kernel-config.ts";
import { findKernelStrings } from "./kernel-strings.ts";

const MIB = 1024 ** 2;

async function withFile<T>(content: Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "banger-kernel-"));
  try {
    const path = join(folder, "file");
    await writeFile(path, content);
    return await use(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What is found in the parts of a file. */
const stringsIn = async (content: Uint8Array, areas = [{ offset: 0, sizeBytes: content.length }]) =>
  await withFile(content, async (path) => {
    await using file = await open(path);
    return await findKernelStrings(file, areas, AbortSignal.timeout(30_000));
  });

test("a feature is built in, a module, or absent; a line that only looks like it counts for nothing", () => {
  const features = featuresOf(
    "CONFIG_EXT4_FS=y\nCONFIG_VIRTIO_BLK=m\n# CONFIG_IP_PNP is not set\n CONFIG_VIRTIO_NET=y\n#CONFIG_VIRTIO_PCI=y\n" +
      'CONFIG_DEVTMPFS="y"\nCONFIG_VIRTIO_MMIO_X=y\n',
  );
  const { ext4, virtioBlk, ipPnp, virtioNet, virtioPci, devtmpfs, virtioMmio } = features;
  assert.deepEqual([ext4, virtioBlk], ["builtin", "module"]);
  for (const absent of [ipPnp, virtioNet, virtioPci, devtmpfs, virtioMmio]) assert.equal(absent, "absent");
});

test("of modules of one name the one below updates/ is taken, else the first path", () => {
  for (const [path, other, is] of [
    ["updates/a.ko", "kernel/a.ko", true],
    ["kernel/a.ko", "updates/a.ko", false],
    ["kernel/a.ko", "kernel/b/a.ko", true],
    ["updates/b/a.ko", "updates/a/a.ko", false],
    ["a/updates/a.ko", "b/a.ko", true],
    ["kernel/a.ko", "kernel/a.ko", false],
  ] as const) {
    assert.equal(isChosenOver(path, other), is, `${path} ${other}`);
  }
});

test("a kernel's release, its parameter and its configuration are found wherever they lie, across chunks too", async () => {
  const config = gzipSync("CONFIG_EXT4_FS=y\n");
  const content = Buffer.alloc(3 * MIB);
  content.write("Linux version %s (", 100);
  content.write("Linux version 6.12.1-x+deb13~1 (a@b)", MIB - 10);
  content.write("virtio_mmio.device", 2 * MIB - 9);
  Buffer.concat([Buffer.from("IKCFG_ST"), config, Buffer.from("IKCFG_ED")]).copy(content, 3 * MIB - config.length - 16);
  assert.deepEqual(await stringsIn(content), {
    release: "6.12.1-x+deb13~1",
    virtioMmioCmdline: true,
    config: "CONFIG_EXT4_FS=y\n",
  });
});

test("only the areas that are named are looked at, and the first release counts", async () => {
  const content = Buffer.from("Linux version 1.0 (x) virtio_mmio.device Linux version 2.0 (x)");
  const at = content.indexOf("Linux", 1);
  const nothing = { release: undefined, virtioMmioCmdline: false, config: undefined };
  assert.equal((await stringsIn(content)).release, "1.0");
  assert.deepEqual(await stringsIn(content, [{ offset: at, sizeBytes: 100 }]), { ...nothing, release: "2.0" });
  assert.deepEqual(await stringsIn(content, [{ offset: 1, sizeBytes: 20 }]), nothing);
  assert.deepEqual(await stringsIn(content, [{ offset: 10_000, sizeBytes: 20 }]), nothing);
  assert.deepEqual(await stringsIn(Buffer.from("xLinux version 6"), undefined), nothing);
});

test("a configuration that does not unpack, or to too much, is none", async () => {
  const marked = (packed: Uint8Array): Buffer =>
    Buffer.concat([Buffer.from("IKCFG_ST"), packed, Buffer.from("IKCFG_ED")]);
  assert.equal((await stringsIn(marked(Buffer.from("no gzip")))).config, undefined);
  assert.equal((await stringsIn(marked(gzipSync(Buffer.alloc(4 * MIB))))).config?.length, 4 * MIB);
  assert.equal((await stringsIn(marked(gzipSync(Buffer.alloc(4 * MIB + 1))))).config, undefined);
  assert.equal((await stringsIn(Buffer.from("IKCFG_ST without an end"))).config, undefined);
  assert.equal((await stringsIn(Buffer.from("IKCFG_ED before IKCFG_ST"))).config, undefined);
});

test("a search that is given up ends", async () => {
  await withFile(Buffer.alloc(10), async (path) => {
    await using file = await open(path);
    const search = findKernelStrings(file, [{ offset: 0, sizeBytes: 10 }], AbortSignal.abort(new Error("enough")));
    await assert.rejects(search, /enough/);
  });
});

test("bytes are read from where they are asked for, and fewer where the file ends", async () => {
  const content = Buffer.from(Array.from({ length: 150_000 }, (_, n) => n % 251));
  await withFile(content, async (path) => {
    await using file = await openForReading(path);
    assert.ok((await readAt(file, 10, 20)).equals(content.subarray(10, 30)));
    assert.ok((await readAt(file, 149_990, 20)).equals(content.subarray(149_990)));
    assert.equal((await readAt(file, 200_000, 20)).length, 0);
    const chunks: Buffer[] = [];
    for await (const chunk of readRange(file, 5, 140_000)) chunks.push(Buffer.from(chunk));
    assert.deepEqual(
      chunks.map(({ length }) => length),
      [65_536, 65_536, 140_000 - 2 * 65_536],
    );
    assert.ok(Buffer.concat(chunks).equals(content.subarray(5, 140_005)));
  });
});

test("what is no file, or not there, is named with what is wrong", async () => {
  await withFile(Buffer.alloc(1), async (path) => {
    for (const [named, why] of [
      [`${path}/x`, "it does not exist"],
      [`${path}x`, "it does not exist"],
      [tmpdir(), "it is no regular file"],
    ] as const) {
      await assert.rejects(openForReading(named), { code: "FILE_UNREADABLE", what: `${named} cannot be read`, why });
    }
  });
});
