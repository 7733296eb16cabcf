import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { imageSchema } from "../../../model/image.ts";
import { layoutFrom } from "../../../model/layout.ts";
import { vmSchema, type VmDisk } from "../../../model/vm.ts";
import { openStore } from "../../store.ts";
import { sweepImageFolder, sweepRefreshed } from "./image-folder.ts";
import { IMAGE_REFRESH } from "../image-intents.ts";

const [IMAGE, OTHER] = ["img-0123456789abcdef", "img-fedcba9876543210"];

test("a root file system goes once nothing reads it, and stays while an old overlay may", async () => {
  const home = await mkdtemp(join(tmpdir(), "image-folder-"));
  try {
    const layout = layoutFrom({ HOME: home });
    const folder = join(layout.imagesDir, IMAGE);
    await mkdir(folder, { recursive: true });
    const [old, now] = [join(folder, "rootfs.ext4"), join(folder, "rootfs-0123456789ab.ext4")];
    for (const path of [old, now]) await writeFile(path, "");
    const disk = { id: "root", format: "qcow2", strategy: "qcow2", sizeBytes: 1, device: "/dev/vda" } as const;
    let refreshed: string | undefined;
    let sweep = sweepImageFolder;
    let unread: string | undefined;
    const left = async (imageId: string, root: Partial<VmDisk>): Promise<readonly string[]> => {
      using store = openStore(":memory:");
      store.images.insert(imageOf(now));
      if (unread !== undefined) store.database.prepare("INSERT INTO vms VALUES ('vm-2', 'damaged', ?)").run(unread);
      store.vms.insert(vmOf(imageId, { ...disk, path: "/root", ...root }));
      if (refreshed !== undefined) store.intents.begin(IMAGE_REFRESH, refreshed);
      // As a store is opened: what does not read is asked what it holds.
      store.noteHolds();
      await sweep({ store, layout }, IMAGE);
      return (await readdir(folder)).toSorted();
    };
    const both = ["rootfs-0123456789ab.ext4", "rootfs.ext4"];
    assert.deepEqual(await left(IMAGE, { base: { path: old, sizeBytes: 1 } }), both);
    assert.deepEqual(await left(IMAGE, {}), both);
    const moved = join("/elsewhere/images", IMAGE, "rootfs.ext4");
    assert.deepEqual(await left(OTHER, { base: { path: moved, sizeBytes: 1 } }), both, "the data was moved since");
    refreshed = IMAGE;
    assert.deepEqual(await left(OTHER, {}), both, "what a refresh has put there may not be named yet");
    refreshed = OTHER;
    const names = { image: { id: IMAGE }, kernel: { id: "krn-1" }, disks: [{ path: "/root" }] };
    for (const document of ["{", "{}", JSON.stringify(names)]) {
      unread = document;
      assert.deepEqual(await left(OTHER, {}), both, "a VM that does not read may be on it");
    }
    unread = JSON.stringify({ ...names, image: { id: OTHER } });
    assert.deepEqual(await left(OTHER, {}), ["rootfs-0123456789ab.ext4"]);
    await writeFile(old, "");
    [refreshed, sweep] = [IMAGE, sweepRefreshed];
    assert.deepEqual(await left(OTHER, {}), ["rootfs-0123456789ab.ext4"]);
  } finally {
    await rm(home, { recursive: true });
  }
});

function imageOf(path: string) {
  return imageSchema.parse({
    id: IMAGE,
    name: "image",
    createdAt: "2026-01-02T03:04:05Z",
    managed: true,
    platform: { os: "linux", architecture: "amd64" },
    size: 0,
    rootfs: { path, sizeBytes: 4, usedBytes: 0, uuid: "u" },
    kernel: "k",
    config: { env: [], user: "", workingDir: "", entrypoint: [], cmd: [], exposedPorts: [], volumes: [], labels: {} },
    layers: [],
    system: { init: "none" },
  });
}

function vmOf(imageId: string, root: VmDisk) {
  return vmSchema.parse({
    id: "vm-0123456789abcdef",
    name: "box",
    createdAt: "2026-01-02T03:04:05Z",
    state: "stopped",
    image: { id: imageId, name: "image" },
    kernel: { id: "krn-0123456789abcdef", name: "k" },
    spec: { vcpus: 1, memoryBytes: 2 ** 28, nat: false, env: {}, init: "auto" },
    machineId: "0".repeat(32),
    disks: [root],
    network: { mode: "none" },
    timings: { stages: {} },
  });
}
