import assert from "node:assert/strict";
import { test } from "node:test";
import { artefactSchema, diskFileName, kernelFilePaths } from "./artefact.ts";

const sha = (digit: string): string => `sha256:${digit.repeat(64)}`;
const disk = { id: "root", diffId: sha("1"), sizeBytes: 4096, usedBytes: 0, uuid: "" };

const artefact = {
  version: 1,
  madeBy: "banger 0",
  image: { name: "debian", layers: [], history: [], system: { init: "none" } },
  disks: [disk],
  kernel: {
    name: "k",
    diffId: sha("2"),
    arch: "amd64",
    release: "6.12.0",
    source: "Debian",
    files: { image: { path: "boot/vmlinuz", format: "bzImage" } },
    abilities: { pvh: true, virtioMmioCmdline: true },
    sizeBytes: 0,
  },
};

const reads = (part: object): boolean => artefactSchema.safeParse({ ...artefact, ...part }).success;
const withFiles = (files: object): object => ({
  kernel: { ...artefact.kernel, files: { ...artefact.kernel.files, ...files } },
});

test("a kernel's files are names within its layer: none leads out of it, whichever it is", () => {
  assert.ok(reads({}));
  const ways = [
    "..",
    "../x",
    "a/..",
    "a/../b",
    ".",
    "./a",
    "a/./b",
    "/a",
    "a/",
    "a//b",
    "",
    "a b",
    "a\0",
    "x".repeat(201),
  ];
  for (const path of ways) {
    assert.ok(!reads(withFiles({ image: { path, format: "bzImage" } })), `image: ${path}`);
    for (const file of ["vmlinux", "config", "initrd", "modules"])
      assert.ok(!reads(withFiles({ [file]: path })), `${file}: ${path}`);
    assert.ok(!reads(withFiles({ bootModules: { path, modules: [] } })), `modules to boot with: ${path}`);
  }
  for (const config of ["config", "a/b/c", "..a", "a..", "a/..b", "v1.2_3+4-5", "x".repeat(200)])
    assert.ok(reads(withFiles({ config })), config);
});

test("modules to boot with are few, and words", () => {
  const boot = (...modules: readonly string[]): object => withFiles({ bootModules: { path: "m", modules } });
  assert.ok(reads(boot("virtio_blk", "crc32c-intel", "x".repeat(64))));
  for (const name of ["", "a b", "a/b", "x".repeat(65), "a;b"]) assert.ok(!reads(boot("ext4", name)), name);
  assert.ok(reads(boot(...Array<string>(1000).fill("a"))));
  assert.ok(!reads(boot(...Array<string>(1001).fill("a"))));
});

test("the root disk comes first and once, another may follow", () => {
  const work = { ...disk, id: "work" };
  assert.ok(reads({ disks: [disk, work] }));
  for (const disks of [[], [work], [work, disk], [disk, disk], [disk, work, work]]) assert.ok(!reads({ disks }));
});

test("a disk's length is one that ext4 can have", () => {
  const largest = 16 * 1024 ** 4;
  assert.ok(reads({ disks: [{ ...disk, sizeBytes: largest, usedBytes: largest }] }));
  const wrong = [
    { sizeBytes: 0 },
    { sizeBytes: largest + 1 },
    { sizeBytes: 1.5 },
    { usedBytes: -1 },
    { usedBytes: largest + 1 },
  ];
  for (const part of wrong) assert.ok(!reads({ disks: [{ ...disk, ...part }] }), JSON.stringify(part));
});

test("files are listed by their paths, and those that are not there are not", () => {
  const image = { path: "i", format: "bzImage" } as const;
  assert.deepEqual(kernelFilePaths({ image }), ["i"]);
  assert.deepEqual(
    kernelFilePaths({
      image,
      vmlinux: "v",
      config: "c",
      initrd: "r",
      modules: "m",
      bootModules: { path: "b", modules: [] },
    }),
    ["i", "v", "c", "r", "m", "b"],
  );
  assert.equal(diskFileName("work"), "work.img");
});

test("what strangers say of an image is bounded, and is what it is called", () => {
  const ofKernel = (part: object): object => ({ kernel: { ...artefact.kernel, ...part } });
  const ofImage = (part: object): object => ({ image: { ...artefact.image, ...part } });
  const ofDisk = (part: object): object => ({ disks: [{ ...disk, ...part }] });
  const layer = { digest: "d", diffId: "i", mediaType: "m", sizeBytes: 1 };
  const service = { name: "a", kind: "tcp", port: 1 };
  const good = [
    { madeBy: "b".repeat(64) },
    ofKernel({ source: "s".repeat(1024) }),
    ...["6.12.0-1-amd64", "6.1+deb12~bpo_x", "r".repeat(64)].map((release) => ofKernel({ release })),
    ofImage({ agentVersion: "v".repeat(64), digest: sha("a"), agentDigest: sha("f") }),
    ofImage({ layers: Array.from({ length: 1000 }, () => layer) }),
    ofImage({ services: Array.from({ length: 32 }, () => service) }),
    ofDisk({ uuid: "01234567-89ab-cdef-ABCD-EF0123456789" }),
  ];
  for (const part of good) assert.ok(reads(part), JSON.stringify(part).slice(0, 100));
  const bad = [
    { madeBy: "b".repeat(65) },
    ofKernel({ source: "s".repeat(1025) }),
    ...["", "a b", "a/b", "../a", "a\n", "r".repeat(65)].map((release) => ofKernel({ release })),
    ofImage({ agentVersion: "v".repeat(65) }),
    ofImage({ layers: Array.from({ length: 1001 }, () => layer) }),
    ofImage({ history: Array.from({ length: 1001 }, () => ({})) }),
    ofImage({ services: Array.from({ length: 33 }, () => service) }),
    ...["/etc/passwd", "0".repeat(37), " 0"].map((uuid) => ofDisk({ uuid })),
    ...[`x${sha("1")}`, `${sha("1")}1`, sha("g"), sha("A"), "sha256:1", "sha512:1"].map((diffId) => ofDisk({ diffId })),
  ];
  for (const part of bad) assert.ok(!reads(part), JSON.stringify(part).slice(0, 100));
});
