import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { ensureInitramfs, planModulesPart, writeArchive, type Initramfs } from "./initramfs.ts";
import type { LoadedModule } from "./boot/module-tree.ts";

const { signal } = new AbortController();
const judged = { skip: spawnSync("cpio", ["--version"]).status === 0 ? false : "no cpio here to judge it" };
const BOOT_MODULES = { path: "boot-modules.cpio", modules: ["virtio", "virtio_blk"] };
const MODULES: readonly LoadedModule[] = BOOT_MODULES.modules.map((name) => ({
  info: { name, depends: [], softDepends: [], release: undefined },
  content: Buffer.from(`the module ${name}`),
}));
let dir: string;
let agent: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "banger-initramfs-"));
  agent = join(dir, "agent");
  await writeFile(agent, "the agent");
  await writeArchive(join(dir, BOOT_MODULES.path), planModulesPart(MODULES));
});
afterEach(() => rm(dir, { recursive: true }));

const ensure = (): Promise<Initramfs> => ensureInitramfs(dir, BOOT_MODULES, agent, signal);
const images = async (): Promise<string[]> => (await readdir(dir)).filter((name) => name.includes("initramfs"));

test("holds the modules, in their order, and the agent as /init", judged, async () => {
  const { path } = await ensure();
  const whole = await readFile(path);
  const modulesBytes = (await readFile(join(dir, BOOT_MODULES.path))).length;
  // cpio stops after one archive; the kernel reads on.
  assert.deepEqual(list(whole.subarray(0, modulesBytes)), [
    "modules",
    "modules/load.list",
    "modules/virtio.ko",
    "modules/virtio_blk.ko",
  ]);
  assert.deepEqual(list(whole.subarray(modulesBytes)), ["dev", "dev/console", "init"]);
  assert.ok(whole.includes("virtio.ko\nvirtio_blk.ko\n"));
});

function list(part: Buffer): string[] {
  return execFileSync("cpio", ["-t", "--quiet"], { input: part }).toString().trim().split("\n");
}

test("is made once for an agent, and the same again", async () => {
  const first = await ensure();
  assert.equal(first.fresh, true);
  const bytes = await readFile(first.path);
  assert.equal(bytes.length, first.sizeBytes);
  assert.deepEqual(await ensure(), { ...first, fresh: false });
  await rm(first.path);
  await ensure();
  assert.deepEqual(await readFile(first.path), bytes);
});

test("gives way to the one of a new agent", async () => {
  const old = await ensure();
  await writeFile(agent, "a newer agent");
  const next = await ensure();
  assert.notEqual(next.path, old.path);
  assert.equal(next.fresh, true);
  assert.equal((await images()).length, 1);
});

test("can be asked for by many at once", async () => {
  const all = await Promise.all(Array.from({ length: 8 }, ensure));
  assert.equal(new Set(all.map((one) => one.path)).size, 1);
  assert.equal((await images()).length, 1);
});

test("leaves nothing behind when it fails", async () => {
  await assert.rejects(ensureInitramfs(dir, BOOT_MODULES, join(dir, "absent"), signal), { code: "FILE_UNREADABLE" });
  await assert.rejects(ensureInitramfs(dir, { ...BOOT_MODULES, path: "absent" }, agent, signal), { code: "ENOENT" });
  await assert.rejects(ensureInitramfs(dir, BOOT_MODULES, agent, AbortSignal.abort()), { name: "AbortError" });
  assert.deepEqual(await images(), []);
});
