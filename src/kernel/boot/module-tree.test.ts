import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { buildModule } from "../../../test/helpers/elf-builder.ts";
import { openModuleTree } from "./module-tree.ts";

test("of modules of one name that below updates/ is loaded, else the first by its path", async () => {
  await using root = await mkdtempDisposable(join(tmpdir(), "banger-module-tree-"));
  for (const path of [
    "kernel/drivers/block/virtio_blk.ko",
    "updates/dkms/virtio-blk.ko",
    "extra/virtio_net.ko",
    "weak-updates/virtio_net.ko",
  ]) {
    await mkdir(dirname(join(root.path, path)), { recursive: true });
    await writeFile(join(root.path, path), buildModule([["path", path]]));
  }
  const tree = await openModuleTree(root.path);
  const pathOf = async (name: string): Promise<string | undefined> =>
    /path=([^\0]+)/.exec((await tree.load(name))?.content.toString("latin1") ?? "")?.[1];
  assert.equal(await pathOf("virtio_blk"), "updates/dkms/virtio-blk.ko");
  assert.equal(await pathOf("virtio_net"), "extra/virtio_net.ko");
});
