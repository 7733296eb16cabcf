import assert from "node:assert/strict";
import { test } from "node:test";
import { viewVm, vmNetworkSchema, vmOnNetworkSchema, vmSchema } from "./vm.ts";

const stopped = vmSchema.parse({
  id: "vm-0123456789abcdef",
  name: "box",
  createdAt: "2026-01-02T03:04:05.678Z",
  state: "stopped",
  image: { id: "img-0123456789abcdef", name: "debian" },
  kernel: { id: "krn-0123456789abcdef", name: "k" },
  spec: {
    vcpus: 1,
    memoryBytes: 2 ** 28,
    nat: false,
    env: {},
    init: "auto",
    world: { hostProxy: { http: "http://u:p@a:1" } },
  },
  machineId: "0".repeat(32),
  disks: [],
  network: { mode: "none" },
  timings: { stages: {} },
});
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
  own: {},
} as const;
const silence = { who: "agent", since: "2026-01-02T03:04:05.678Z", fix: "wait" } as const;

test("a VM that does not run has no VMM and no pid, and nobody in it is silent", () => {
  const view = viewVm(stopped, silence);
  assert.deepEqual(
    [view.vmm, view.accel, view.pid, view.machine, view.unresponsive],
    [null, null, null, undefined, undefined],
  );
  assert.ok(!("machine" in view) && !("unresponsive" in view));
});

test("a VM that runs says by what, who is silent, and neither its sockets nor its secrets", () => {
  const view = viewVm({ ...stopped, state: "running", machine }, silence);
  assert.deepEqual([view.vmm, view.accel, view.pid, view.unresponsive], ["qemu", "tcg", 7, silence]);
  assert.deepEqual(view.machine, { version: "7.2.19", machine: "microvm", line: { kind: "virtio-serial" } });
  assert.doesNotMatch(JSON.stringify(view), /\.sock|u:p/);
  assert.ok(!("unresponsive" in viewVm({ ...stopped, state: "running", machine })));
});

test("a TAP device's name is one that the kernel takes", () => {
  const tap = { mode: "tap", mac: "m", address: "a", gateway: "g", dns: [], mtu: 1500, via: "nftables" };
  assert.ok(vmNetworkSchema.safeParse({ ...tap, device: "d".repeat(15) }).success);
  assert.ok(!vmNetworkSchema.safeParse({ ...tap, device: "d".repeat(16) }).success);
});

test("of a record that another banger wrote, the network is read by itself", () => {
  const { publish, allowHost, allowVms } = stopped.spec;
  const read = vmOnNetworkSchema.parse({ ...stopped, timings: "of another kind" });
  assert.deepEqual(read, { id: stopped.id, spec: { publish, allowHost, allowVms }, network: { mode: "none" } });
  assert.ok(!vmOnNetworkSchema.safeParse({ ...stopped, spec: { publish: 1 } }).success);
});
