import assert from "node:assert/strict";
import { mkdir, mkdtemp, open, readFile, rm, stat, truncate, writeFile, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { putRow } from "../../src/core/testing/put-row.ts";
import { copyVerified } from "../../src/disk/copy-verified.ts";
import { qcow2Overlay } from "../../src/disk/qcow2-overlay.ts";
import { gib, mib } from "../../src/lib/bytes.ts";
import { keyedQueue } from "../../src/lib/keyed-queue.ts";
import { run } from "../../src/lib/process.ts";
import { noProgress } from "../../src/lib/progress.ts";
import { imageSchema, type Image } from "../../src/model/image.ts";
import { layoutFrom, type Layout } from "../../src/model/layout.ts";
import { vmSchema, type Vm } from "../../src/model/vm.ts";
import { BlobStore } from "../../src/oci/layers/blob-store.ts";
import { findData } from "../../src/formats/find-data.ts";
import type { ImageContext } from "../../src/nouns/images/image-context.ts";
import { imageVerbs } from "../../src/nouns/images/image-verbs.ts";
import { settlePromotion } from "../../src/nouns/images/register/promote-image.ts";
import { vmsOfImages } from "../../src/nouns/vms/disks/vms-of-images.ts";
import { openStore, type Store } from "../../src/nouns/store.ts";
import { mountFresh, needsRoot } from "../helpers/loop-mount.ts";

interface Scene extends AsyncDisposable {
  readonly store: Store;
  readonly layout: Layout;
  readonly image: Image;
  readonly vm: Vm;
  /** The user's file, and where banger's copy of it goes. */
  readonly users: string;
  readonly own: string;
  backing(): Promise<string>;
}

/** A registered image and a VM with an overlay over it, as they lie when a daemon dies in a promotion. */
async function scene(managed: boolean): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), "promotion-"));
  const layout = layoutFrom({ HOME: folder, XDG_RUNTIME_DIR: folder });
  await mkdir(layout.stateDir, { recursive: true });
  const store = openStore(layout.database);
  const [imageId, vmId] = ["img-0123456789abcdef", "vm-0123456789abcdef"];
  const users = join(folder, "users.ext4");
  const own = join(layout.imagesDir, imageId, "rootfs.ext4");
  const overlay = join(layout.vmsDir, vmId, "root");
  for (const path of [users, own, overlay]) {
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, path === overlay ? qcow2Overlay(users, mib(64)) : Buffer.alloc(mib(64)));
  }
  const volume = { path: managed ? own : users, sizeBytes: mib(64), usedBytes: 0, uuid: "u" };
  const image = imageSchema.parse({
    id: imageId,
    name: "mine",
    createdAt: "2026-01-02T03:04:05Z",
    origin: "register",
    managed,
    platform: { os: "linux", architecture: "amd64" },
    size: 0,
    rootfs: volume,
    files: [{ path: users, sizeBytes: mib(64), mtimeMs: 0, inode: 1 }],
    kernel: "k",
    config: { env: [], user: "", workingDir: "", entrypoint: [], cmd: [], exposedPorts: [], volumes: [], labels: {} },
    layers: [],
    system: { init: "none" },
  });
  const vm = vmSchema.parse({
    id: vmId,
    name: "box",
    createdAt: "2026-01-02T03:04:05Z",
    state: "stopped",
    image: { id: imageId, name: "mine" },
    kernel: { id: "krn-0123456789abcdef", name: "k" },
    spec: { vcpus: 1, memoryBytes: mib(256), nat: false, env: {}, init: "auto" },
    machineId: "0".repeat(32),
    disks: [
      {
        id: "root",
        path: overlay,
        format: "qcow2",
        strategy: "qcow2",
        sizeBytes: mib(64),
        device: "/dev/vda",
        base: { path: users, sizeBytes: mib(64) },
      },
    ],
    network: { mode: "none" },
    timings: { stages: {} },
  });
  store.images.insert(image);
  store.vms.insert(vm);
  return {
    store,
    layout,
    image,
    vm,
    users,
    own,
    async backing() {
      const { stdout } = await run("qemu-img", ["info", "--output=json", overlay]);
      return (JSON.parse(stdout) as { "full-backing-filename": string })["full-backing-filename"];
    },
    async [Symbol.asyncDispose]() {
      store[Symbol.dispose]();
      await rm(folder, { recursive: true });
    },
  };
}

test("a promotion whose row was written goes forward, and doing it twice changes nothing", async () => {
  await using s = await scene(true);
  for (let turn = 0; turn < 2; turn += 1) {
    await settlePromotion({ ...s, vms: () => vmsOfImages({ ...s, live: new Map() }) }, s.image.id);
    assert.equal(await s.backing(), s.own);
    assert.equal(s.store.vms.get("box").disks[0]?.base?.path, s.own);
    assert.ok((await stat(s.own)).isFile());
  }
  await run("qemu-img", ["check", "-q", s.vm.disks[0]?.path ?? ""]);
  assert.ok((await stat(s.users)).isFile(), "the user's file is the user's");
});

test("one whose row was not leaves all as it was", async () => {
  await using s = await scene(false);
  await settlePromotion({ ...s, vms: () => vmsOfImages({ ...s, live: new Map() }) }, s.image.id);
  assert.equal(await s.backing(), s.users);
  assert.equal(s.store.vms.get("box").disks[0]?.base?.path, s.users);
  await assert.rejects(stat(s.own), "the copy is gone");
  assert.ok((await stat(s.users)).isFile());
});

test("changes of one image take turns: it is promoted once, and deleted whole", async () => {
  await using s = await scene(false);
  s.store.vms.delete(s.vm.id);
  await rm(s.own);
  const { size, mtimeMs, ino } = await stat(s.users);
  putRow(s.store, "images", { ...s.image, files: [{ path: s.users, sizeBytes: size, mtimeMs, inode: ino }] });
  const { store, layout } = s;
  const vms = () => vmsOfImages({ store, live: new Map() });
  const context = { store, layout, vms, queue: keyedQueue(), blobs: new BlobStore(layout.cacheDir) };
  const images = imageVerbs(context as unknown as ImageContext);
  const operation = { signal: new AbortController().signal, progress: noProgress };
  const [first, second] = await Promise.all([images.promote("mine", operation), images.promote("mine", operation)]);
  assert.deepEqual(second, first);
  assert.equal(first.rootfs.path, s.own);
  assert.equal((await stat(s.own)).size, size);
  const [, deleted, again] = await Promise.allSettled([
    images.promote("mine", operation),
    images.delete("mine"),
    images.promote("mine", operation),
  ]);
  assert.equal(deleted.status, "fulfilled");
  assert.ok(again.status === "rejected");
  assert.deepEqual(s.store.intents.open(), []);
  await assert.rejects(stat(s.own));
});

test("a verified copy has its source's bytes and holes, and a file that is cut short is no copy", async () => {
  const folder = await mkdtemp(join(tmpdir(), "copy-"));
  try {
    const [source, target] = [join(folder, "a"), join(folder, "b")];
    await writeFile(source, Buffer.concat([Buffer.alloc(mib(8)), Buffer.from("in the middle"), Buffer.alloc(mib(8))]));
    const { signal } = new AbortController();
    const { sha256 } = await copyVerified(source, target, { signal, findData });
    const { stdout } = await run("sha256sum", [source, target]);
    assert.ok(
      stdout
        .split("\n")
        .slice(0, 2)
        .every((line) => line.startsWith(sha256.slice(7))),
      stdout,
    );
    assert.ok((await stat(target)).blocks * 512 < mib(2), "zeros became holes");
    await assert.rejects(copyVerified(source, target, { signal, findData }), "what is there stays");
    assert.ok((await stat(target)).isFile());
    await assert.rejects(copyVerified(source, join(folder, "c"), { signal: AbortSignal.abort(), findData }));
    await assert.rejects(stat(join(folder, "c")), "given up, it leaves nothing");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a copy that does not read back as it was is none: other bytes, a hole filled, a length", async () => {
  const folder = await mkdtemp(join(tmpdir(), "copy-"));
  try {
    const [source, target] = [join(folder, "a"), join(folder, "b")];
    await writeFile(source, Buffer.concat([Buffer.from("first"), Buffer.alloc(mib(8)), Buffer.from("last")]));
    const damages: Readonly<Record<string, (file: FileHandle) => Promise<unknown>>> = {
      "other bytes": (file) => file.write("F", 0),
      "a hole filled": (file) => file.write("x", mib(4)),
      longer: (file) => file.truncate(mib(16)),
      shorter: (file) => file.truncate(mib(8)),
    };
    const { signal } = new AbortController();
    for (const [name, damage] of Object.entries(damages)) {
      // As a disk does it: between the writing and the reading again.
      const copied = copyVerified(source, target, {
        signal,
        async findData(path) {
          if (path === target) {
            await using file = await open(target, "r+");
            await damage(file);
          }
          return findData(path, signal);
        },
      });
      await assert.rejects(copied, { code: "DIGEST_MISMATCH" }, name);
      await assert.rejects(stat(target), name);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the holes of a sparse file are not read, and count in its digest", async () => {
  const folder = await mkdtemp(join(tmpdir(), "copy-"));
  try {
    const [source, target] = [join(folder, "a"), join(folder, "b")];
    await writeFile(source, "at the start");
    await truncate(source, gib(1));
    const { signal } = new AbortController();
    const before = await bytesReadByUs();
    const { sha256 } = await copyVerified(source, target, { signal, findData });
    assert.ok((await bytesReadByUs()) - before < mib(64));
    const { size, blocks } = await stat(target);
    assert.equal(size, gib(1));
    assert.ok(blocks * 512 < mib(1));
    assert.equal(`sha256:${(await run("sha256sum", [source])).stdout.slice(0, 64)}`, sha256);
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** What this process has read(2) until now (proc_pid_io(5)). */
async function bytesReadByUs(): Promise<number> {
  return Number(/^rchar: (\d+)$/m.exec(await readFile("/proc/self/io", "utf8"))?.[1]);
}

for (const type of ["xfs", "btrfs"] as const) {
  test(
    `on ${type} a verified copy shares the source's blocks, and is a file of its own`,
    { skip: needsRoot },
    async () => {
      await using mounted = await mountFresh(type, "400M");
      const [source, target] = [join(mounted.path, "a"), join(mounted.path, "b")];
      await writeFile(source, Buffer.alloc(mib(150), 7), { mode: 0o444 });
      const { way, sha256 } = await copyVerified(source, target, { signal: new AbortController().signal, findData });
      assert.equal(way, "reflink");
      assert.equal((await stat(target)).mode & 0o777, 0o600);
      // Twice 150 MiB and what follows would not fit otherwise.
      await writeFile(join(mounted.path, "c"), Buffer.alloc(mib(100), 9));
      await writeFile(target, Buffer.alloc(4096, 1), { flag: "r+" });
      const { stdout } = await run("sha256sum", [source]);
      assert.ok(stdout.startsWith(sha256.slice(7)), "writing to the copy leaves the source alone");
    },
  );
}
