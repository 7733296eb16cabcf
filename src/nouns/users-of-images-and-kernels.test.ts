import assert from "node:assert/strict";
import { test } from "node:test";
import { imageSchema } from "../model/image.ts";
import { kernelSchema } from "../model/kernel.ts";
import { vmSchema } from "../model/vm.ts";
import { refuseIfMadeFrom, refuseIfUsed as refuseImage } from "./images/image-users.ts";
import { isKernelHeld, refuseIfUsed as refuseKernel } from "./kernels/kernel-users.ts";
import { openStore, type Store } from "./store.ts";

const createdAt = "2026-01-02T03:04:05.678Z";
const idOf = (noun: string, name: string): string => `${noun}-${name.padEnd(16, "0")}`;

const kernel = (name: string, part: object = {}) =>
  kernelSchema.parse({
    id: idOf("krn", name),
    name,
    createdAt,
    arch: "amd64",
    release: "6.12.0",
    source: { kind: "import", vmlinux: "/k" },
    files: { image: { path: "vmlinuz", format: "bzImage" } },
    abilities: { pvh: true, virtioMmioCmdline: true },
    sizeBytes: 1,
    ...part,
  });
const image = (name: string, boots = "k", part: object = {}) =>
  imageSchema.parse({
    id: idOf("img", name),
    name,
    createdAt,
    managed: true,
    platform: { os: "linux", architecture: "amd64" },
    size: 1,
    rootfs: { path: `/images/${idOf("img", name)}/rootfs.ext4`, sizeBytes: 8, usedBytes: 4, uuid: "u" },
    kernel: boots,
    config: { env: [], user: "", workingDir: "", entrypoint: [], cmd: [], exposedPorts: [], volumes: [], labels: {} },
    layers: [],
    system: { init: "none" },
    ...part,
  });
const vm = (name: string, of: string, boots: string, part: object = {}) =>
  vmSchema.parse({
    id: idOf("vm", name),
    name,
    createdAt,
    state: "stopped",
    image: { id: idOf("img", of), name: of },
    kernel: { id: idOf("krn", boots), name: boots },
    spec: { vcpus: 1, memoryBytes: 2 ** 28, nat: false, env: {}, init: "auto" },
    machineId: "0".repeat(32),
    disks: [],
    network: { mode: "none" },
    timings: { stages: {} },
    ...part,
  });

/** A store with one image and the kernel that it boots. */
function opened(): Store {
  const store = openStore(":memory:");
  store.kernels.insert(kernel("k"));
  store.images.insert(image("debian"));
  return store;
}

function breakRecord(store: Store, table: "images" | "vms", id: string): void {
  store.database.prepare(`UPDATE ${table} SET document = '{}' WHERE id = ?`).run(id);
}

test("an image that nobody needs goes", () => {
  using store = opened();
  refuseImage(store, image("debian"));
});

test("an image stays while VMs were made from it; three are named", () => {
  using store = opened();
  const why = (): string => {
    try {
      refuseImage(store, image("debian"));
    } catch (error) {
      return String((error as { why?: string }).why);
    }
    return assert.fail("it was let go");
  };
  for (const [name, says] of [
    ["a", "VM a was made from it"],
    ["b", "VMs a, b were made from it"],
    ["c", "VMs a, b, c were made from it"],
    ["d", "VMs a, b, c and 1 more were made from it"],
  ] as const) {
    store.vms.insert(vm(name, "debian", "k"));
    assert.equal(why(), says);
  }
  assert.throws(() => refuseIfMadeFrom(store, image("debian")), {
    code: "IMAGE_IN_USE",
    data: { vms: ["a", "b", "c", "d"] },
  });
});

test("a VM whose record cannot be read may have been made from it", () => {
  using store = opened();
  store.vms.insert(vm("a", "debian", "k"));
  breakRecord(store, "vms", idOf("vm", "a"));
  assert.throws(() => refuseImage(store, image("debian")), {
    code: "IMAGE_IN_USE",
    what: /may be in use/,
    fix: /--force a`$/,
  });
});

test("an image stays while another reads from its files, by whichever path its folder is told", () => {
  using store = opened();
  const rootfs = { path: `/moved/images/${idOf("img", "debian")}/rootfs.ext4`, sizeBytes: 8, usedBytes: 4, uuid: "u" };
  store.images.insert(image("copy", "k", { rootfs }));
  assert.throws(() => refuseImage(store, image("debian")), {
    code: "IMAGE_IN_USE",
    why: "image copy reads from its files",
  });
  refuseImage(store, image("copy"));
  breakRecord(store, "images", idOf("img", "copy"));
  assert.throws(() => refuseImage(store, image("debian")), { why: /^image copy, whose record cannot be read, reads/ });
});

test("a kernel that goes with its image must not be another's", () => {
  using store = openStore(":memory:");
  store.kernels.insert(kernel("k", { owner: idOf("img", "debian") }));
  store.images.insert(image("debian"));
  refuseImage(store, image("debian"));
  store.images.insert(image("other"));
  assert.throws(() => refuseImage(store, image("debian")), {
    code: "IMAGE_IN_USE",
    what: /^the kernel of image debian/,
    why: "other boots with it, and it goes with the image",
  });
  store.images.insert(image("third"));
  assert.throws(() => refuseImage(store, image("debian")), { why: /^other, third boot with it/ });
});

test("a kernel goes when nobody boots with it", () => {
  using store = opened();
  store.kernels.insert(kernel("free"));
  refuseKernel(store, kernel("free"));
  assert.deepEqual([isKernelHeld(store, kernel("free")), isKernelHeld(store, kernel("k"))], [false, true]);
});

test("who boots with a kernel is told, images first", () => {
  using store = opened();
  store.vms.insert(vm("a", "debian", "k"));
  assert.throws(() => refuseKernel(store, kernel("k")), {
    code: "KERNEL_IN_USE",
    why: "image debian boots with it, and 1 more",
    fix: "delete those first",
    data: { images: ["debian"], vms: ["a"] },
  });
  store.images.delete(idOf("img", "debian"));
  assert.throws(() => refuseKernel(store, kernel("k")), {
    why: "VM a boots with it",
    data: { images: [], vms: ["a"] },
  });
});

test("an image whose record cannot be read may boot with a kernel, by the name that it had then as well", () => {
  using store = opened();
  breakRecord(store, "images", idOf("img", "debian"));
  const mayBe = { code: "KERNEL_IN_USE", what: /may be in use/, fix: /delete debian with `force`/ };
  assert.throws(() => refuseKernel(store, kernel("k")), mayBe);
  const renamed = { ...kernel("k"), id: idOf("krn", "x"), name: "k-6.11", formerName: "k" };
  assert.throws(() => refuseKernel(store, renamed), mayBe);
  assert.ok(isKernelHeld(store, renamed));
  refuseKernel(store, { ...renamed, formerName: undefined });
});
