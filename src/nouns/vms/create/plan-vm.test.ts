import assert from "node:assert/strict";
import { test } from "node:test";
import { gib, mib } from "../../../lib/bytes.ts";
import { configSchema } from "../../../model/config.ts";
import type { Image } from "../../../model/image.ts";
import type { Kernel } from "../../../model/kernel.ts";
import { imageOf, planFirstBoot, planVm, type VmRequest } from "./plan-vm.ts";

const image = {
  id: "img-1",
  name: "debian",
  rootfs: { sizeBytes: gib(8), usedBytes: mib(300) },
  config: { env: [], entrypoint: [], cmd: [], labels: { a: "b" }, exposedPorts: ["80/tcp"], volumes: ["/data"] },
  system: { init: "none", osId: "debian", osVersion: "12" },
} as unknown as Image;
const kernel = { id: "krn-1", name: "k" } as Kernel;
const config = configSchema.parse({});
const bare: VmRequest = { nat: false, publish: [], allowHost: false, allowVms: false, env: {} };

const plan = (request: object = {}, ofImage: object = {}, configured = config) =>
  planVm({ ...bare, ...request }, { ...image, ...ofImage }, kernel, [], configured, (id) => `/log/${id}`);
const port = (hostPort: number, hostAddress = "127.0.0.1") => ({ hostAddress, hostPort, guestPort: 80 });

test("what was left out is answered by the configuration and the image", () => {
  const vm = plan();
  assert.match(vm.name, new RegExp(`^debian-${vm.id.slice(-5)}$`));
  assert.match(vm.machineId, /^[0-9a-f]{32}$/);
  assert.deepEqual(vm.kernel, { id: "krn-1", name: "k" });
  assert.deepEqual([vm.state, vm.disks, vm.network], ["creating", [], { mode: "none" }]);
  const { vcpus, memoryBytes, init, vmm, ready, env } = vm.spec;
  assert.deepEqual([vcpus, memoryBytes, init, vmm, ready, env], [2, gib(1), "auto", "auto", [], {}]);
  for (const absent of ["world", "service", "workDiskSizeBytes", "diskStrategy"])
    assert.ok(!(absent in vm.spec), absent);
  assert.ok(!("firstBoot" in vm));
  assert.notEqual(plan().id, vm.id);
  assert.notEqual(plan().machineId, vm.machineId);
});

test("what was asked for goes before the image, and the image before the configuration", () => {
  const configured = configSchema.parse({ vmm: "qemu", vm: { vcpus: 3, memory: "2G", disk_strategy: "qcow2" } });
  const asked = {
    name: "a",
    vcpus: 1,
    memoryBytes: mib(64),
    vmm: "firecracker",
    diskStrategy: "reflink",
    ready: ["port:1"],
  };
  const { name, spec } = plan(asked, {}, configured);
  assert.deepEqual({ ...asked, name, ...spec, env: {} }, { ...spec, ...asked });
  const { spec: open } = plan({}, { initDefault: "agent" }, configured);
  assert.deepEqual(
    [open.vcpus, open.memoryBytes, open.vmm, open.diskStrategy, open.init],
    [3, gib(2), "qemu", "qcow2", "agent"],
  );
  assert.equal(plan({ init: "auto" }, { initDefault: "agent" }).spec.init, "auto");
  assert.deepEqual(plan({ timeZone: "UTC" }).spec.world, { timeZone: "UTC" });
});

test("a VM that is called nothing is called as its image, as far as a hostname can be", () => {
  for (const [name, label] of [
    ["docker.io_library_x.y", "docker-io-library-x-y"],
    ["a__b", "a-b"],
    ["_x_", "x"],
    ["___", "vm"],
    ["a".repeat(60), "a".repeat(40)],
    [`${"a".repeat(39)}.b`, "a".repeat(39)],
  ]) {
    const vm = plan({}, { name });
    assert.equal(vm.name, `${label}-${vm.id.slice(-5)}`, name);
  }
});

test("a disk is as large as its image's or larger", () => {
  assert.equal(plan({ diskSizeBytes: gib(8) }).spec.diskSizeBytes, gib(8));
  assert.throws(() => plan({ diskSizeBytes: gib(8) - 1 }), {
    code: "VM_SPEC_INVALID",
    what: /too small for image debian/,
  });
  const seed = { workSeed: { sizeBytes: gib(1) } };
  assert.equal(plan({}, seed).spec.workDiskSizeBytes, gib(1));
  assert.equal(plan({ workDiskSizeBytes: gib(2) }, seed).spec.workDiskSizeBytes, gib(2));
  assert.throws(() => plan({ workDiskSizeBytes: mib(1) }, seed), { code: "VM_SPEC_INVALID", what: /work disk/ });
});

test("what needs a network is refused where there is to be none", () => {
  const wishes = [
    { publish: [port(1)] },
    { allowHost: true },
    { allowVms: true },
    { hostProxy: { noneFor: "" } },
    { netBandwidth: 1 },
  ];
  for (const wish of wishes) {
    const [field = ""] = Object.keys(wish);
    assert.throws(
      () => plan(wish),
      (error: { code: string; data: { fields: string[] } }) => {
        assert.deepEqual([error.code, error.data.fields], ["VM_SPEC_INVALID", [field, "nat"]]);
        return true;
      },
    );
    assert.equal(plan({ ...wish, nat: true }).spec.nat, true, field);
  }
  assert.ok(plan({ hostProxy: false }));
});

test("no port is published twice, by whichever address", () => {
  const publish = (...ports: readonly object[]) => plan({ nat: true, publish: ports });
  assert.ok(publish(port(1), port(2), port(2, "192.0.2.1")));
  for (const twice of [
    [port(1), port(1)],
    [port(1), port(2), port(1)],
    [port(1, "0.0.0.0"), port(1)],
  ]) {
    assert.throws(() => publish(...twice), { code: "VM_SPEC_INVALID", what: /port 1 of .* is published twice/ });
  }
});

test("an init that the image lacks is installed at the first start, by way of a network", () => {
  const lacks = (init: string) => ({ ...image, system: { ...image.system, init } }) as Image;
  assert.equal(planFirstBoot("systemd", lacks("none"), true), true);
  assert.throws(() => planFirstBoot("systemd", lacks("none"), false), {
    code: "VM_SPEC_INVALID",
    what: /has no systemd/,
  });
  for (const nat of [true, false]) {
    assert.equal(planFirstBoot("systemd", lacks("systemd"), nat), false);
    assert.equal(planFirstBoot("systemd", lacks("openrc"), nat), false);
    assert.equal(planFirstBoot("auto", lacks("none"), nat), false);
    assert.equal(planFirstBoot("agent", lacks("none"), nat), false);
  }
  const vm = plan({ init: "systemd", nat: true });
  assert.deepEqual(vm.firstBoot, { install: "systemd", log: `/log/${vm.id}` });
});

test("a service has a command, its own or the image's", () => {
  const service = (...command: string[]) => ({ service: { command, restart: "always" } });
  assert.deepEqual(plan(service("sleep")).spec.service, { command: ["sleep"], restart: "always" });
  assert.throws(() => plan(service()), { code: "BAD_REQUEST" });
  const withCommand = { config: { ...image.config, cmd: ["nginx"] } };
  assert.deepEqual(plan(service(), withCommand).spec.service, { command: [], restart: "always" });
});

test("a VM remembers of its image what scripts ask for, and its digest where it has one", () => {
  const kept = { id: "img-1", name: "debian", labels: { a: "b" }, exposedPorts: ["80/tcp"], volumes: ["/data"] };
  assert.deepEqual(imageOf(image), kept);
  assert.deepEqual(imageOf({ ...image, digest: "sha256:a" }), { ...kept, digest: "sha256:a" });
});
