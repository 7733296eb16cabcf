import assert from "node:assert/strict";
import { test } from "node:test";
import { type Vm, viewVm, vmSchema } from "../../model/vm.ts";
import { vmText } from "./vm-text.ts";

const vm: Vm = vmSchema.parse({
  id: "vm-0123456789abcdef",
  name: "web",
  createdAt: new Date().toISOString(),
  state: "running",
  image: { id: "img-1", name: "nginx" },
  kernel: { id: "krn-1", name: "debian-cloud" },
  spec: {
    vcpus: 2,
    memoryBytes: 512 * 1024 ** 2,
    nat: true,
    publish: [{ hostPort: 8080, guestPort: 80 }],
    env: { TOKEN: "secret" },
    init: "auto",
    service: { command: ["nginx", "-g"], restart: "always" },
  },
  machineId: "0".repeat(32),
  disks: [
    { id: "root", path: "/d/root.qcow2", format: "qcow2", strategy: "qcow2", sizeBytes: 1024 ** 3, device: "/dev/vda" },
  ],
  network: {
    mode: "user",
    mac: "m",
    address: "10.0.2.15/24",
    gateway: "10.0.2.2",
    dns: ["10.0.2.3"],
    why: "no slirp4netns",
  },
  machine: {
    vmm: "qemu",
    version: "7.2.22",
    accel: "tcg",
    machine: "microvm",
    pid: 77,
    startTicks: 123_456,
    controlSocket: "/run/qmp.sock",
    consoleSocket: "/run/console.sock",
    consoleLog: "/d/console.log",
    line: { kind: "virtio-serial", socketPath: "/run/agent.sock" },
  },
  startedAt: new Date().toISOString(),
  timings: { stages: {}, readyMs: 2_500 },
  service: { state: "restarting", exitCode: 1, restarts: 3, since: new Date().toISOString() },
});

test("a VM's text has what people ask for, and no variable's value", () => {
  const text = vmText(viewVm(vm));
  for (const part of ["web (vm-0123456789abcdef)", "running", "ready after 2.5 s", "qemu 7.2.22 (tcg), pid 77"])
    assert.ok(text.includes(part), part);
  assert.match(text, /127\.0\.0\.1:8080 to 80/);
  assert.match(text, /State: +restarting/);
  assert.match(text, /Variables: +TOKEN\n/);
  assert.doesNotMatch(text, /secret/);
});

test("it tells of the guest's reboots, and of the last stop and its reason", () => {
  const lastStop = {
    at: new Date().toISOString(),
    cause: "guest-panic" as const,
    what: "the guest's kernel panicked: x",
  };
  const told = vmText(viewVm({ ...vm, lastStop, reboots: { count: 2, quick: 0, lastAt: new Date().toISOString() } }));
  assert.match(told, /Rebooted: +2 times, last just now/);
  assert.match(told, /Last stop: +just now: the guest's kernel panicked: x/);
  const failed = vmText(
    viewVm({ ...vm, lastStop, failure: { at: lastStop.at, what: lastStop.what, consoleTail: "" } }),
  );
  assert.equal(failed.split("panicked").length, 2, "it is said once");
});

test("one that failed says why, and ends with its console's words", () => {
  const failure = { at: vm.createdAt, what: "the guest panicked", consoleTail: "Kernel panic\n\u001B[2J" };
  const { machine: _machine, ...rest } = vm;
  const text = vmText(viewVm({ ...rest, state: "failed", failure }));
  assert.match(text, /Why: +the guest panicked/);
  assert.match(text, /The end of its console:\n {2}Kernel panic/);
  assert.doesNotMatch(text, /Runs on|Started/);
});

test("one that stands still for a full disk says which, and what to do", () => {
  const pausedBecause = { kind: "host-disk-full", disk: "root", path: "/d/root.qcow2", since: vm.createdAt } as const;
  const text = vmText(viewVm({ ...vm, state: "paused", pausedBecause }));
  assert.match(text, /State: +paused \(host disk full\)/);
  assert.match(text, /Why: +no room for its root disk, \/d\/root\.qcow2, since/);
});

test("one that its VMM stopped gives the VMM's word for it", () => {
  const pausedBecause = { kind: "vmm-stopped", reason: "internal-error", since: vm.createdAt } as const;
  const text = vmText(viewVm({ ...vm, state: "paused", pausedBecause }));
  assert.match(text, /State: +paused \(stopped by its VMM\)/);
  assert.match(text, /Why: +its VMM says internal-error, since/);
});

test("the API shows no start ticks and no sockets", () => {
  const shown = JSON.stringify(viewVm(vm));
  assert.doesNotMatch(shown, /startTicks|\.sock/);
  assert.equal(viewVm(vm).pid, 77);
});

test("a VM's wishes of the host's world are shown, and no password among them", () => {
  const proxy = "http://me:s3cret@proxy:3128";
  const world = { hostCa: true, hostProxy: { http: proxy, https: proxy, noneFor: "" }, timeZone: "host" };
  const shown = viewVm({ ...vm, spec: { ...vm.spec, world } });
  assert.match(vmText(shown), /Of the host: +authorities, proxy http:\/\/\*\*\*@proxy:3128, time zone host/);
  assert.doesNotMatch(JSON.stringify(shown), /s3cret/);
});
