import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSteps } from "../core/testing/check-steps.ts";
import { imageSchema } from "../model/image.ts";
import { kernelSchema } from "../model/kernel.ts";
import { VM_STATES } from "../model/vm-states.ts";
import { vmSchema } from "../model/vm.ts";
import { volumeSchema } from "../model/volume.ts";
import { WORKSPACE_STATES, workspaceSchema } from "../model/workspace.ts";
import { builtInNouns } from "./built-in-nouns.ts";
import { imageTable } from "./images/image-table.ts";
import { kernelTable } from "./kernels/kernel-table.ts";
import { vmTable } from "./vms/vm-table.ts";
import { volumeTable } from "./volumes/volume-table.ts";
import { workspaceTable } from "./workspaces/workspace-table.ts";

const createdAt = "2026-01-02T03:04:05Z";
const kernel = kernelSchema.parse({
  id: "krn-0123456789abcdef",
  name: "k",
  createdAt,
  arch: "amd64",
  release: "6.12.0",
  source: { kind: "import", vmlinux: "/k" },
  files: { image: { path: "vmlinuz", format: "bzImage" } },
  abilities: { pvh: true, virtioMmioCmdline: true },
  sizeBytes: 1,
});

test("a kernel has no states: each of its steps may be taken at any time", () => {
  checkSteps(kernelTable, kernel, [], { renamed: "any", released: "any" });
});

test("a volume may grow at any time, as far as its steps go", () => {
  const volume = volumeSchema.parse({ id: "vol-0123456789abcdef", name: "data", createdAt, sizeBytes: 2 ** 26 });
  checkSteps(volumeTable, volume, [], { resized: "any" });
});

test("an image has no states either", () => {
  const image = imageSchema.parse({
    id: "img-0123456789abcdef",
    name: "debian",
    createdAt,
    origin: "register",
    managed: false,
    platform: { os: "linux", architecture: "amd64" },
    size: 0,
    rootfs: { path: "/r.ext4", sizeBytes: 4, usedBytes: 0, uuid: "u" },
    kernel: kernel.name,
    config: { env: [], user: "", workingDir: "", entrypoint: [], cmd: [], exposedPorts: [], volumes: [], labels: {} },
    layers: [],
    system: { init: "none" },
  });
  const any = "any";
  checkSteps(imageTable, image, [], {
    restamped: any,
    promoted: any,
    refreshed: any,
    "kernel-changed": any,
    built: any,
  });
});

const ALIVE = "running pausing paused resuming stopping";

test("a VM takes each step from its states and from no other", () => {
  const vm = vmSchema.parse({
    id: "vm-0123456789abcdef",
    name: "box",
    createdAt,
    state: "stopped",
    image: { id: "img-0123456789abcdef", name: "debian" },
    kernel: { id: kernel.id, name: kernel.name },
    spec: { vcpus: 1, memoryBytes: 2 ** 28, nat: false, env: {}, init: "auto" },
    machineId: "0".repeat(32),
    disks: [],
    network: { mode: "none" },
    timings: { stages: {} },
  });
  checkSteps(vmTable, vm, VM_STATES, {
    cloned: "creating > stopped",
    starting: "stopped failed > starting",
    networked: "any",
    launched: "starting",
    installed: "starting",
    started: "starting > running",
    "start-cancelled": "starting > stopped",
    pausing: "running > pausing",
    paused: "running pausing paused resuming > paused",
    resuming: "paused > resuming",
    resumed: "running pausing paused resuming > running",
    stopping: `starting ${ALIVE} > stopping`,
    "stop-cancelled": `starting ${ALIVE} > running`,
    stopped: `starting ${ALIVE} stopped failed > stopped`,
    failed: `starting ${ALIVE} stopped failed > failed`,
    deleting: "any > deleting",
    resized: "stopped failed",
    rebased: "stopped failed > stopped",
    moved: "any",
    "world-changed": "any",
    "service-changed": "any",
    "system-known": "any",
    rebooted: `starting ${ALIVE}`,
  });
});

test("a workspace comes home when it is there", () => {
  const workspace = workspaceSchema.parse({
    id: "ws-0123456789abcdef",
    name: "project",
    createdAt,
    state: "creating",
    vm: { id: "vm-0123456789abcdef", name: "box" },
    ownVm: false,
    directory: "/home/ada/project",
    path: "/work/project",
    user: "",
    shallow: false,
    sparse: false,
    sent: { tree: "0".repeat(40) },
    notes: [],
  });
  checkSteps(workspaceTable, workspace, WORKSPACE_STATES, {
    filled: "creating > ready",
    pulled: "ready",
    pushed: "ready",
  });
});

test("no other noun keeps anything, builds neither: a table that is added has its steps held here", () => {
  const installation = { agentPath: "", rootfsProgram: "", recipes: { builtInCatalog: "", makeGenericKernel: "" } };
  const tables = builtInNouns({}, installation).flatMap((noun) => Object.values(noun.tables));
  assert.deepEqual(tables, [kernelTable, imageTable, volumeTable, vmTable, workspaceTable]);
});
