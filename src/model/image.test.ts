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

test("a VM that the first banger left running reads, with its VMM and its network", () => {
  const machine = {
    vmm: "qemu",
    version: "7.2.19",
    accel: "tcg",
    machine: "microvm",
    pid: 7,
    startTicks: 8,
    controlSocket: "/run/qmp.sock",
    consoleLog: "/vms/console.log",
    line: { kind: "virtio-serial", socketPath: "/run/agent.sock" },
  };
  const own = { consoleSocket: "/run/console.sock" };
  const guest = { mac: "02:00:00:00:00:01", address: "10.0.2.15/24", gateway: "10.0.2.2", dns: ["10.0.2.3"] };
  const vm = vmSchema.parse({
    ...FIRST_VM,
    state: "running",
    spec: { ...FIRST_VM.spec, nat: true },
    network: { mode: "user", ...guest },
    machine: { ...machine, ...own },
    startedAt: FIRST_VM.createdAt,
    timings: { stages: { disk: 1, vmm: 2, kernel: 3, init: 4, agent: 5 }, readyMs: 15 },
    failure: { at: FIRST_VM.createdAt, stage: "kernel", what: "w", consoleTail: "" },
  });
  assert.deepEqual(
    [vm.machine, vm.network],
    [
      { ...machine, own },
      { mode: "user", ...guest },
    ],
  );
  const { publish, allowHost, allowVms, vmm } = vm.spec;
  assert.deepEqual(
    { publish, allowHost, allowVms, vmm },
    { publish: [], allowHost: false, allowVms: false, vmm: "auto" },
  );
});

test("what is no image does not read", () => {
  const { rootfs: _rootfs, ...without } = FIRST_IMAGE;
  assert.equal(imageSchema.safeParse(without).success, false);
});
