import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { keyedQueue } from "../../lib/keyed-queue.ts";
import { imageSchema, type Image } from "../../model/image.ts";
import { layoutFrom } from "../../model/layout.ts";
import { BlobStore } from "../../oci/layers/blob-store.ts";
import { openStore } from "../store.ts";
import type { ImageContext } from "./image-context.ts";
import { sweepImageFolder } from "./refresh/image-folder.ts";
import { imageVerbs } from "./image-verbs.ts";

const operation = { signal: new AbortController().signal, progress: () => {} };
const [OWNER, READER] = ["img-0123456789abcdef", "img-fedcba9876543210"];

/** An image whose earlier root file system another one was registered from, where it lies. */
async function scene(t: TestContext) {
  const home = await realpath(await mkdtemp(join(tmpdir(), "shared-")));
  const layout = layoutFrom({ HOME: home, XDG_RUNTIME_DIR: home });
  await mkdir(layout.stateDir, { recursive: true });
  const store = openStore(layout.database);
  t.after(() => {
    store[Symbol.dispose]();
    return rm(home, { recursive: true });
  });
  const folder = join(layout.imagesDir, OWNER);
  const [now, before] = [join(folder, "rootfs-0123456789ab.ext4"), join(folder, "rootfs.ext4")];
  await mkdir(folder, { recursive: true });
  for (const path of [now, before]) await writeFile(path, "dear");
  const image = (id: string, name: string, path: string): Image =>
    imageSchema.parse({
      id,
      name,
      createdAt: "2026-01-02T03:04:05Z",
      origin: "register",
      managed: id === OWNER,
      platform: { os: "linux", architecture: "amd64" },
      size: 0,
      rootfs: { path, sizeBytes: 4, usedBytes: 0, uuid: "u" },
      kernel: "k",
      config: { env: [], user: "", workingDir: "", entrypoint: [], cmd: [], exposedPorts: [], volumes: [], labels: {} },
      layers: [],
      system: { init: "none" },
    });
  store.images.insert(image(OWNER, "owner", now));
  store.images.insert(image(READER, "reader", before));
  const context = {
    store,
    layout,
    queue: keyedQueue(),
    blobs: new BlobStore(layout.blobsDir),
  } as unknown as ImageContext;
  return { store, layout, home, folder, now, before, images: imageVerbs(context) };
}

test("an image in whose folder another one's files lie is not deleted, nor are those files swept", async (t) => {
  const s = await scene(t);
  await sweepImageFolder(s, OWNER);
  assert.deepEqual((await readdir(s.folder)).toSorted(), ["rootfs-0123456789ab.ext4", "rootfs.ext4"]);
  await assert.rejects(s.images.delete("owner"), { code: "IMAGE_IN_USE", why: /image reader reads from its files/ });
  await s.images.delete("reader");
  await sweepImageFolder(s, OWNER);
  assert.deepEqual(await readdir(s.folder), ["rootfs-0123456789ab.ext4"]);
  await s.images.delete("owner");
});

test("what lies in banger's own folders is not registered in place: it goes with what it belongs to", async (t) => {
  const s = await scene(t);
  const disk = join(s.layout.vmsDir, "vm-0123456789abcdef", "root");
  const link = join(s.home, "link.ext4");
  await mkdir(dirname(disk), { recursive: true });
  await writeFile(disk, "dear");
  await symlink(disk, link);
  for (const rootfs of [s.now, disk, link]) {
    await assert.rejects(s.images.register({ name: "new", rootfs }, operation), {
      code: "BAD_REQUEST",
      fix: /cp --sparse=always/,
    });
  }
  await assert.rejects(s.images.register({ name: "new", rootfs: join(s.home, "absent") }, operation), {
    code: "FILE_UNREADABLE",
  });
});
