import assert from "node:assert/strict";
import { test } from "node:test";
import { imageSchema } from "./image.ts";
import { vmSchema } from "./vm.ts";

/** A row as the first banger wrote it, before there were images of other origins. */
const FIRST_IMAGE = {
  id: "img-0123456789abcdef",
  name: "debian",
  createdAt: "2026-01-02T03:04:05.678Z",
  managed: true,
  reference: "docker.io/library/debian:bookworm",
  digest: "sha256:aa",
  platform: { os: "linux", architecture: "amd64" },
  size: 1,
  rootfs: { path: "/images/rootfs.ext4", sizeBytes: 8, usedBytes: 4, uuid: "u" },
  kernel: "debian-cloud",
  config: { env: [], user: "", workingDir: "", entrypoint: [], cmd: ["sh"], exposedPorts: [], volumes: [], labels: {} },
  layers: [{ digest: "sha256:bb", diffId: "sha256:cc", mediaType: "m", sizeBytes: 1 }],
  system: { init: "none" },
  agentDigest: "sha256:dd",
};

const FIRST_VM = {
  id: "vm-0123456789abcdef",
  name: "box",
  createdAt: "2026-01-02T03:04:05.678Z",
  state: "stopped",
  image: { id: "img-0123456789abcdef", name: "debian", digest: "sha256:aa" },
  kernel: { id: "krn-0123456789abcdef", name: "debian-cloud" },
  spec: { vcpus: 1, memoryBytes: 2 ** 28, nat: false, env: {}, init: "auto" },
  machineId: "0".repeat(32),
  disks: [{ id: "root", path: "/vms/root", format: "qcow2", strategy: "qcow2", sizeBytes: 8, device: "/dev/vda" }],
  network: { mode: "none" },
  timings: { stages: {} },
};

test("an image of the first banger reads as one that was pulled", () => {
  const image = imageSchema.parse(FIRST_IMAGE);
  assert.equal(image.origin, "pull");
  assert.equal(image.reference, FIRST_IMAGE.reference);
  assert.deepEqual([image.files, image.history], [[], []]);
  assert.equal(image.workSeed, undefined);
});

test("a VM of the first banger reads, and has no work disk", () => {
  const vm = vmSchema.parse(FIRST_VM);
  assert.equal(vm.image.digest, "sha256:aa");
  assert.equal(vm.spec.workDiskSizeBytes, undefined);
});

test("what is no image does not read", () => {
  const { rootfs: _rootfs, ...without } = FIRST_IMAGE;
  assert.equal(imageSchema.safeParse(without).success, false);
});
