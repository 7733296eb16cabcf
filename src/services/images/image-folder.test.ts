import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Image } from "../../model/image.ts";
import { layoutFrom } from "../../model/layout.ts";
import type { Vm, VmDisk } from "../../model/vm.ts";
import type { BrokenObject } from "../../store/collection.ts";
import type { Store } from "../../store/store.ts";
import { sweepImageFolder, sweepRefreshed } from "./image-folder.ts";

test("a root file system goes once nothing reads it, and stays while an old overlay may", async () => {
  const home = await mkdtemp(join(tmpdir(), "image-folder-"));
  try {
    const layout = layoutFrom({ HOME: home });
    const folder = join(layout.imagesDir, "img-1");
    await mkdir(folder, { recursive: true });
    const [old, now] = [join(folder, "rootfs.ext4"), join(folder, "rootfs-0123456789ab.ext4")];
    for (const path of [old, now]) await writeFile(path, "");
    const disk = { id: "root", format: "qcow2", strategy: "qcow2", sizeBytes: 1, device: "/dev/vda" } as const;
    let refreshed: string | undefined;
    let sweep = sweepImageFolder;
    let broken: readonly BrokenObject[] = [];
    const left = async (imageId: string, root: Partial<VmDisk>): Promise<readonly string[]> => {
      const vm = { image: { id: imageId }, disks: [{ ...disk, path: "/root", ...root }] } as unknown as Vm;
      const image = { rootfs: { path: now } } as unknown as Image;
      const intents = { open: () => (refreshed === undefined ? [] : [{ kind: "image.refresh", subject: refreshed }]) };
      const store = {
        images: { find: () => image, list: () => [], broken: () => [] },
        vms: { list: () => [vm], broken: () => broken },
        intents,
      } as unknown as Store;
      await sweep({ store, layout }, "img-1");
      return (await readdir(folder)).toSorted();
    };
    const both = ["rootfs-0123456789ab.ext4", "rootfs.ext4"];
    assert.deepEqual(await left("img-1", { base: { path: old, sizeBytes: 1 } }), both);
    assert.deepEqual(await left("img-1", {}), both);
    const moved = join("/elsewhere/images/img-1", "rootfs.ext4");
    assert.deepEqual(await left("img-2", { base: { path: moved, sizeBytes: 1 } }), both, "the data was moved since");
    refreshed = "img-1";
    assert.deepEqual(await left("img-2", {}), both, "what a refresh has put there may not be named yet");
    refreshed = "img-2";
    const unread = { id: "vm-2", name: "damaged", why: "it is not JSON" };
    const names = { image: { id: "img-1" }, kernel: { id: "krn-1" }, disks: [] };
    for (const document of [undefined, {}, names]) {
      broken = [{ ...unread, document }];
      assert.deepEqual(await left("img-2", {}), both, "a VM that does not read may be on it");
    }
    broken = [{ ...unread, document: { ...names, image: { id: "img-2" } } }];
    assert.deepEqual(await left("img-2", {}), ["rootfs-0123456789ab.ext4"]);
    await writeFile(old, "");
    [refreshed, sweep] = ["img-1", sweepRefreshed];
    assert.deepEqual(await left("img-2", {}), ["rootfs-0123456789ab.ext4"]);
  } finally {
    await rm(home, { recursive: true });
  }
});
