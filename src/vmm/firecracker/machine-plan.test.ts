import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, mib } from "../../lib/bytes.ts";
import type { MachineSpec } from "../driver.ts";
import { planFirecracker } from "./machine-plan.ts";

const spec: MachineSpec = {
  id: "vm-0123456789abcdef",
  name: "demo",
  runDir: "/run/banger/vm-0123456789abcdef",
  consoleLog: "/data/vms/vm-0123456789abcdef/console.log",
  vcpus: 2,
  memoryBytes: mib(512),
  kernel: {
    path: "/kernels/vmlinux",
    format: "elf",
    microvm: true,
    commandLine: ["root=/dev/vda", "rootfstype=ext4", "rw", "init=/first"],
  },
  disks: [
    { id: "root", path: "/vms/root", format: "raw", readOnly: false },
    { id: "work", path: "/vms/work", format: "raw", readOnly: true },
  ],
  network: { mode: "none" },
};
const tap = {
  mode: "tap" as const,
  via: "nftables" as const,
  device: "bgr-1",
  mtu: 1500,
  mac: "02:11:22:33:44:55",
  address: "10.0.0.2/30",
  gateway: "10.0.0.1",
  dns: ["10.0.0.1"],
} satisfies MachineSpec["network"];

test("a machine is these requests, in this order", () => {
  const plan = planFirecracker(spec);
  assert.deepEqual(
    plan.requests.map(({ method, path, body }) => [`${method} ${path}`, body]),
    [
      ["PUT /metrics", { metrics_path: "/run/banger/vm-0123456789abcdef/metrics.fifo" }],
      ["PUT /machine-config", { vcpu_count: 2, mem_size_mib: 512 }],
      [
        "PUT /boot-source",
        {
          kernel_image_path: "/kernels/vmlinux",
          boot_args:
            "console=ttyS0 quiet reboot=k panic=1 i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd banger.line=vsock rootfstype=ext4 init=/first",
        },
      ],
      [
        "PUT /drives/root",
        {
          drive_id: "root",
          path_on_host: "/vms/root",
          is_root_device: true,
          is_read_only: false,
          cache_type: "Writeback",
        },
      ],
      [
        "PUT /drives/work",
        {
          drive_id: "work",
          path_on_host: "/vms/work",
          is_root_device: false,
          is_read_only: true,
          cache_type: "Writeback",
        },
      ],
      ["PUT /vsock", { guest_cid: 3, uds_path: "v.sock" }],
      ["PUT /entropy", {}],
      ["PUT /balloon", { amount_mib: 0, deflate_on_oom: true, free_page_reporting: true }],
      ["PUT /actions", { action_type: "InstanceStart" }],
    ],
  );
  assert.deepEqual(plan.argv.slice(0, 4), ["--id", spec.id, "--api-sock", "fc.sock"]);
  assert.deepEqual([plan.runDir, plan.apiSocket], [spec.runDir, `${spec.runDir}/fc.sock`]);
  assert.deepEqual(plan.line, { kind: "firecracker-vsock", socketPath: `${spec.runDir}/v.sock`, port: 1024 });
});

test("memory that others share stays with the VMM", () => {
  const { requests } = planFirecracker({ ...spec, keepsFreedMemory: true });
  const balloon = requests.find(({ path }) => path === "/balloon");
  assert.deepEqual(balloon?.body, { amount_mib: 0, deflate_on_oom: true, free_page_reporting: false });
});

test("the disk of the kernel's modules comes behind the VM's own and is only read", () => {
  const modules = { id: "modules", path: "/kernels/modules-1.ext4", format: "raw", readOnly: true } as const;
  const { requests } = planFirecracker({ ...spec, disks: [...spec.disks, modules] });
  const drives = requests.filter(({ path }) => path.startsWith("/drives/"));
  assert.deepEqual(
    drives.map(({ path }) => path),
    ["/drives/root", "/drives/work", "/drives/modules"],
  );
  assert.equal(drives.at(-1)?.body["is_read_only"], true);
});

test("a card on a TAP device has metadata, which come after it", () => {
  const paths = planFirecracker({ ...spec, network: tap }).requests.map(({ path }) => path);
  const nic = paths.indexOf("/network-interfaces/eth0");
  assert.ok(nic > 0 && paths.indexOf("/mmds/config") > nic && paths.indexOf("/mmds") > nic);
  const [card] = planFirecracker({ ...spec, network: tap }).requests.filter(({ path }) => path.startsWith("/network"));
  assert.deepEqual(card?.body, { iface_id: "eth0", host_dev_name: "bgr-1", guest_mac: tap.mac });
});

test("bandwidth is bounded by buckets that are refilled each second", () => {
  const limits = { diskBandwidth: 10_000_000, netBandwidth: 1_000_000 };
  const { requests } = planFirecracker({ ...spec, network: tap, limits });
  const body = (path: string) => requests.find((request) => request.path === path)?.body ?? {};
  const bucket = (size: number) => ({ bandwidth: { size, refill_time: 1000 } });
  assert.deepEqual(body("/drives/root")["rate_limiter"], bucket(10_000_000));
  assert.deepEqual(body("/network-interfaces/eth0")["rx_rate_limiter"], bucket(1_000_000));
  assert.deepEqual(body("/network-interfaces/eth0")["tx_rate_limiter"], bucket(1_000_000));
});

test("memory is given in whole MiB, never less than what was asked for", () => {
  const { requests } = planFirecracker({ ...spec, memoryBytes: bytes(mib(64) + 1) });
  assert.equal(requests.find(({ path }) => path === "/machine-config")?.body["mem_size_mib"], 65);
});

test("what Firecracker has not is refused before anything is started", () => {
  const qcow2 = { ...spec, disks: [{ id: "root", path: "/vms/root", format: "qcow2", readOnly: false } as const] };
  assert.throws(() => planFirecracker(qcow2), { code: "VMM_CANNOT", what: /qcow2/ });
  const compressed = { ...spec, kernel: { ...spec.kernel, format: "bzImage" as const } };
  assert.throws(() => planFirecracker(compressed), { code: "VMM_CANNOT", what: /bzImage/ });
  const user = { ...spec, network: { mode: "user" as const, mac: "", address: "", gateway: "", dns: [] } };
  assert.throws(() => planFirecracker(user), { code: "VMM_CANNOT", what: /TAP/ });
  const long = { ...spec, kernel: { ...spec.kernel, commandLine: ["x".repeat(1800)] } };
  assert.throws(() => planFirecracker(long), { code: "VM_SPEC_INVALID", what: /too long/ });
});
