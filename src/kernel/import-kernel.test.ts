import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { buildKernel, buildModule } from "../../test/helpers/elf-builder.ts";
import { noProgress } from "../lib/progress.ts";
import { kernelContentsSchema, type KernelContents } from "../model/kernel.ts";
import { importKernel, type ImportOptions } from "./import-kernel.ts";

const RELEASE = "6.1.0-own";
const CONFIG = "CONFIG_VIRTIO_BLK=m\nCONFIG_VIRTIO_CONSOLE=y\nCONFIG_EXT4_FS=y\n";
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "banger-import-"));
  await writeFile(join(dir, "vmlinux"), buildKernel(RELEASE, { pvh: true, text: "virtio_mmio.device" }));
  await mkdir(join(dir, "target"));
});
afterEach(() => rm(dir, { recursive: true }));

async function importing(options: Partial<ImportOptions> = {}): Promise<KernelContents> {
  const context = { signal: new AbortController().signal, progress: noProgress };
  return await importKernel({ vmlinux: join(dir, "vmlinux"), ...options }, join(dir, "target"), context);
}

/** A folder of modules as `make modules_install` makes it. */
async function modulesFolder(release: string): Promise<string> {
  const kernel = join(dir, "lib", release, "kernel");
  await mkdir(kernel, { recursive: true });
  const vermagic = `${release} SMP `;
  await writeFile(join(kernel, "virtio_ring.ko.gz"), gzipSync(buildModule({ name: "virtio_ring", vermagic })));
  await writeFile(join(kernel, "virtio_blk.ko"), buildModule({ name: "virtio_blk", depends: "virtio_ring", vermagic }));
  await writeFile(join(dir, "lib", release, "modules.builtin"), "kernel/fs/ext4/ext4.ko\n");
  await symlink("/", join(dir, "lib", release, "build"));
  return join(dir, "lib", release);
}

test("keeps a copy of a kernel that needs nothing else", async () => {
  const contents = await importing();
  assert.deepEqual(kernelContentsSchema.parse(contents), contents);
  assert.deepEqual(contents.files, { image: { path: "image", format: "elf" } });
  assert.deepEqual(contents.abilities, { pvh: true, virtioMmioCmdline: true });
  assert.equal(contents.release, RELEASE);
  assert.deepEqual(await readdir(join(dir, "target")), ["image"]);
  assert.deepEqual(await readFile(join(dir, "target/image")), await readFile(join(dir, "vmlinux")));
});

test("takes the modules that a boot needs, unpacked, from either folder that people name", async () => {
  const folder = await modulesFolder(RELEASE);
  for (const modules of [folder, join(folder, "..")]) {
    const { files } = await importing({ modules });
    assert.deepEqual(files.bootModules, { path: "boot-modules.cpio", modules: ["virtio_ring", "virtio_blk"] });
    const copied = await readdir(join(dir, "target/modules"), { recursive: true });
    assert.deepEqual(copied.sort(), ["kernel", "kernel/virtio_blk.ko", "kernel/virtio_ring.ko.gz", "modules.builtin"]);
    await rm(join(dir, "target"), { recursive: true });
    await mkdir(join(dir, "target"));
  }
});

test("leaves a user's initrd as it is, and makes none beside it", async () => {
  await writeFile(join(dir, "initrd"), "mine");
  const { files } = await importing({ initrd: join(dir, "initrd"), modules: await modulesFolder(RELEASE) });
  assert.equal(files.initrd, "initrd");
  assert.equal(files.bootModules, undefined);
  assert.equal(await readFile(join(dir, "target/initrd"), "utf8"), "mine");
});

test("refuses a kernel that could not reach its disk", async () => {
  const packed = Buffer.concat([Buffer.from("IKCFG_ST"), gzipSync(CONFIG), Buffer.from("IKCFG_ED")]).toString("latin1");
  const kernel = buildKernel(RELEASE);
  const tail = Buffer.from(packed, "latin1");
  // Over the zeros of the loaded part, where a kernel has its data.
  tail.copy(kernel, 4096);
  await writeFile(join(dir, "vmlinux"), kernel);
  await assert.rejects(importing(), { code: "KERNEL_INVALID" });
});

test("refuses modules of another kernel, and folders that are none", async () => {
  await assert.rejects(importing({ modules: await modulesFolder("6.1.0-other") }), { code: "KERNEL_INVALID" });
});

test("names the file that cannot be read", async () => {
  for (const options of [
    { vmlinux: join(dir, "absent") },
    { initrd: join(dir, "absent") },
    { modules: join(dir, "absent") },
  ]) {
    await rm(join(dir, "target"), { recursive: true });
    await mkdir(join(dir, "target"));
    await assert.rejects(importing(options), { code: "FILE_UNREADABLE" });
  }
});
