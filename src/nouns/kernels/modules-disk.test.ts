import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { buildModule } from "../../../test/helpers/elf-builder.ts";
import { run } from "../../lib/process.ts";
import { ensureModulesDisk } from "./modules-disk.ts";

const { signal } = new AbortController();
const PARTS = { modules: "modules", config: "config" };

async function writeModules(kernelDir: string): Promise<void> {
  await writeFile(join(kernelDir, "config"), "CONFIG_MODULES=y\n");
  const dir = join(kernelDir, "modules");
  await mkdir(join(dir, "kernel/drivers/net"), { recursive: true });
  await writeFile(join(dir, "kernel/drivers/net/tun.ko"), buildModule([["alias", "devname:net/tun"]]));
  await writeFile(join(dir, "modules.order"), "kernel/drivers/net/tun.ko\n");
  await writeFile(join(dir, "modules.builtin"), "kernel/fs/ext4/ext4.ko\n");
  await writeFile(join(dir, "modules.builtin.modinfo"), "ext4.alias=fs-ext4\0");
  // As depmod has left it where the modules were copied from.
  await writeFile(join(dir, "modules.dep.bin"), "of another day");
}

async function cat(disk: string, path: string): Promise<string> {
  return (await run("debugfs", ["-R", `cat ${path}`, disk], { signal })).stdout;
}

test("a kernel's modules become a file system with indexes of our own, the same bytes each time", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "banger-modules-disk-"));
  await writeModules(dir.path);
  const disk = await ensureModulesDisk(dir.path, PARTS, signal);
  await run("e2fsck", ["-fn", disk], { signal });
  assert.equal(await cat(disk, "/modules.dep"), "kernel/drivers/net/tun.ko:\n");
  assert.match(await cat(disk, "/modules.alias"), /^alias devname:net\/tun tun$/m);
  assert.notEqual(await cat(disk, "/modules.dep.bin"), "of another day");
  assert.equal(await cat(disk, "/modules.builtin"), "kernel/fs/ext4/ext4.ko\n");
  assert.equal(await cat(disk, "/config"), "CONFIG_MODULES=y\n");

  const bytes = await readFile(disk);
  assert.equal(await ensureModulesDisk(dir.path, PARTS, signal), disk);
  await rm(disk);
  assert.ok((await readFile(await ensureModulesDisk(dir.path, PARTS, signal))).equals(bytes));
});

test("a disk that cannot be made leaves nothing", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "banger-modules-disk-"));
  await writeModules(dir.path);
  await assert.rejects(ensureModulesDisk(dir.path, PARTS, AbortSignal.abort(new Error("cancelled"))), /cancelled/);
  await writeFile(join(dir.path, "modules/kernel/text.ko"), "text");
  await assert.rejects(ensureModulesDisk(dir.path, PARTS, signal), { code: "KERNEL_INVALID" });
  assert.deepEqual(await readdir(dir.path), ["config", "modules"]);
});

test("a configuration that lies among the modules goes first, and one that nobody knows is left out", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "banger-modules-disk-"));
  await writeModules(dir.path);
  const without = await ensureModulesDisk(dir.path, { modules: "modules" }, signal);
  assert.equal(await cat(without, "/config"), "");
  await rm(without);
  await writeFile(join(dir.path, "modules/config"), "CONFIG_OTHER=y\n");
  assert.equal(await cat(await ensureModulesDisk(dir.path, PARTS, signal), "/config"), "CONFIG_OTHER=y\n");
});
