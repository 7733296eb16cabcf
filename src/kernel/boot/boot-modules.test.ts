import assert from "node:assert/strict";
import { test } from "node:test";
import { featuresOf } from "../image/kernel-config.ts";
import { resolveBootModules } from "./boot-modules.ts";
import type { ModuleTree } from "./module-tree.ts";

const RELEASE = "6.1.0-test";
const ALL_BUILTIN = ["virtio_pci", "virtio_mmio", "virtio_blk", "virtio_console", "virtio_net", "virtio_rng", "ext4"];

/** A tree from what each module depends on; what is not named is built in. */
function tree(modules: Readonly<Record<string, readonly string[]>>, more: Partial<TreeOptions> = {}): ModuleTree {
  const { builtin = ALL_BUILTIN, release = RELEASE, soft = {} } = more;
  return {
    isBuiltin: (name) => builtin.includes(name) && !(name in modules),
    load: async (name) => {
      const depends = modules[name];
      if (depends === undefined) return undefined;
      return { info: { name, depends, softDepends: soft[name] ?? [], release }, content: Buffer.from(name) };
    },
  };
}
interface TreeOptions {
  readonly builtin: readonly string[];
  readonly release: string;
  readonly soft: Readonly<Record<string, readonly string[]>>;
}

async function order(of: ModuleTree, config?: string): Promise<string[]> {
  const modules = await resolveBootModules(of, RELEASE, config === undefined ? undefined : featuresOf(config));
  return modules.map((module) => module.info.name);
}

const invalid = { code: "KERNEL_INVALID" };

test("loads each module once, after all that it depends on", async () => {
  const modules = {
    virtio_blk: ["virtio", "virtio_ring"],
    virtio_pci: ["virtio_pci_modern_dev", "virtio_ring", "virtio"],
    virtio_pci_modern_dev: [],
    virtio_ring: [],
    virtio: ["virtio_ring"],
    unrelated: [],
  };
  assert.deepEqual(await order(tree(modules)), [
    "virtio_pci_modern_dev",
    "virtio_ring",
    "virtio",
    "virtio_pci",
    "virtio_blk",
  ]);
});

test("loads nothing where all is built in", async () => {
  assert.deepEqual(await order(tree({})), []);
});

test("loads soft dependencies where they exist", async () => {
  const modules = { ext4: ["jbd2"], jbd2: [], crc32c_intel: [] };
  assert.deepEqual(await order(tree(modules, { soft: { ext4: ["crc32c_intel", "crc32c_arm"] } })), [
    "crc32c_intel",
    "jbd2",
    "ext4",
  ]);
});

test("comes to an end with modules that depend on each other", async () => {
  assert.deepEqual(await order(tree({ virtio_blk: ["a"], a: ["virtio_blk"] })), ["a", "virtio_blk"]);
});

test("refuses modules of another kernel", async () => {
  await assert.rejects(order(tree({ virtio_blk: [] }, { release: "6.1.0-other" })), invalid);
});

test("refuses a module whose dependency is missing", async () => {
  await assert.rejects(order(tree({ virtio_blk: ["virtio_ring"] })), invalid);
});

test("asks the configuration about what is neither a module nor listed as built in", async () => {
  const none = tree({}, { builtin: [] });
  const all = "CONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_CONSOLE=y\nCONFIG_EXT4_FS=y\n";
  assert.deepEqual(await order(none, all), []);
  assert.deepEqual(await order(none), [], "a kernel that does not say may be right");
  await assert.rejects(order(none, all.replace("BLK=y", "BLK=m")), invalid);
  await assert.rejects(order(none, all.replace("CONFIG_EXT4_FS=y", "# CONFIG_EXT4_FS is not set")), invalid);
});
