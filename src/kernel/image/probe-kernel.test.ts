import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { buildBzImage, buildElf, buildKernel, buildModule } from "../../../test/helpers/elf-builder.ts";
import { probeKernelFile, type KernelProbe } from "./probe-kernel.ts";

let dir: string;
let count = 0;
/** Where a kernel is unpacked to. */
let unpackTo: string;
const { signal } = new AbortController();
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "banger-probe-"));
  unpackTo = join(dir, "vmlinux");
});
after(() => rm(dir, { recursive: true }));

async function probe(content: Buffer | string): Promise<KernelProbe> {
  const path = join(dir, `file-${(count += 1)}`);
  await writeFile(path, content);
  return await probeKernelFile(path, unpackTo, signal);
}

test("tells what a vmlinux can do", async () => {
  const plain = await probe(buildKernel("6.1.0-plain"));
  assert.deepEqual(plain, {
    format: "elf",
    arch: "amd64",
    release: "6.1.0-plain",
    abilities: { pvh: false, virtioMmioCmdline: false },
    config: undefined,
    unpacked: false,
  });
  const able = await probe(buildKernel("6.12.1+deb13", { pvh: true, text: "virtio_mmio.device" }));
  assert.deepEqual(able.abilities, { pvh: true, virtioMmioCmdline: true });
  assert.equal(able.release, "6.12.1+deb13");
});

test("reads the configuration that a kernel carries", async () => {
  const config = "CONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_NET=m\n# CONFIG_IP_PNP is not set\n";
  const packed = Buffer.concat([Buffer.from("IKCFG_ST"), gzipSync(config), Buffer.from("IKCFG_ED")]);
  const kernel = buildElf({
    segments: [{ type: 1, content: Buffer.concat([Buffer.from("Linux version 6.1.0 (x)\0"), packed]) }],
  });
  const found = await probe(kernel);
  assert.equal(found.config, config);
  assert.equal(found.abilities.features?.virtioBlk, "builtin");
  assert.equal(found.abilities.features?.virtioNet, "module");
  assert.equal(found.abilities.features?.ipPnp, "absent");
});

test("looks into a bzImage, and gives what is inside", async () => {
  const kernel = buildKernel("6.1.0-inside", { pvh: true });
  const found = await probe(buildBzImage(gzipSync(kernel), "6.1.0-inside"));
  assert.equal(found.format, "bzImage");
  assert.equal(found.release, "6.1.0-inside");
  assert.equal(found.abilities.pvh, true);
  assert.equal(found.unpacked, true);
  assert.deepEqual(await readFile(unpackTo), kernel);
});

test("takes the release from the header of a bzImage that it cannot unpack", async () => {
  const found = await probe(buildBzImage(Buffer.from("BZh91AY&SY etc\x10\0\0\0", "latin1"), "6.1.0-bzip2"));
  assert.equal(found.release, "6.1.0-bzip2");
  assert.equal(found.unpacked, false);
});

test("knows an arm64 Image", async () => {
  const image = Buffer.alloc(128);
  image.write("ARM\x64", 56);
  const found = await probe(Buffer.concat([image, Buffer.from("Linux version 6.1.0-arm (x)")]));
  assert.equal(found.format, "arm64-image");
  assert.equal(found.arch, "arm64");
});

const banner = Buffer.from("Linux version 6.1.0 (x)");
for (const [what, content, why] of [
  ["nothing", "", /empty/],
  ["a text", "not a kernel\n".repeat(1000), /text file/],
  ["a script", "#!/bin/sh\nexit 1\n", /script/],
  ["random bytes", Buffer.from("00010203040506fffefd", "hex"), /neither/],
  ["a packed vmlinux", gzipSync(buildKernel("6.1.0")), /gzip/],
  ["a packed vmlinux", zstdCompressSync(buildKernel("6.1.0")), /zstd/],
  ["a kernel for another machine", buildElf({ machine: 243, segments: [{ type: 1, content: banner }] }), /RISC-V/],
  ["a kernel of 32 bits", Buffer.from("\x7fELF\x01\x01\x01".padEnd(64, "\0"), "latin1"), /32 bits/],
  ["a module", buildModule({ name: "x" }), /module/],
  ["a program", buildElf({ segments: [{ type: 3, content: Buffer.from("/lib/ld.so") }] }), /ordinary program/],
  ["a static program", buildElf({ segments: [{ type: 1, content: Buffer.alloc(100) }] }), /Linux version/],
  ["a bzImage that is cut off", buildBzImage(gzipSync(buildKernel("6.1.0")), "6.1.0").subarray(0, 2000), /cut off/],
] as const) {
  test(`refuses ${what}, and says what it is`, async () => {
    await assert.rejects(probe(content), (error: Error & { code?: string }) => {
      assert.equal(error.code, "KERNEL_INVALID");
      assert.match(error.message, why);
      return true;
    });
  });
}

test("refuses what is no file", async () => {
  await assert.rejects(probeKernelFile(join(dir, "absent"), unpackTo, signal), { code: "FILE_UNREADABLE" });
  await assert.rejects(probeKernelFile(dir, unpackTo, signal), { code: "FILE_UNREADABLE" });
});
