import assert from "node:assert/strict";
import { test } from "node:test";
import { assert as check, property, string } from "fast-check";
import { bytes, mib } from "../../lib/bytes.ts";
import type { MachineSpec } from "../driver.ts";
import { planMachine, vsockCid, type MachinePlan } from "./machine-plan.ts";
import type { QemuHost } from "./qemu-host.ts";
import { acceleratorOption } from "./accelerator.ts";
import { optionString } from "./option-string.ts";

const spec: MachineSpec = {
  id: "vm-0123456789abcdef",
  name: "demo",
  runDir: "/run/banger/vm-0123456789abcdef",
  consoleLog: "/data/vms/vm-0123456789abcdef/console.log",
  vcpus: 2,
  memoryBytes: mib(512),
  kernel: { path: "/kernels/vmlinux", format: "elf", microvm: true, commandLine: ["root=/dev/vda", "rw"] },
  disks: [
    { id: "root", path: "/vms/root.qcow2", format: "qcow2", readOnly: false },
    { id: "work", path: "/vms/work.raw", format: "raw", readOnly: true },
  ],
  network: { mode: "user", mac: "02:11:22:33:44:55", address: "10.0.2.15/24", gateway: "10.0.2.2", dns: ["10.0.2.3"] },
};
const pc: MachineSpec = { ...spec, kernel: { ...spec.kernel, microvm: false } };
const tcg = { accel: "tcg" } as const;

const GUARDED = {
  kind: "vhost-vsock",
  cid: 77,
  port: 1024,
  secretSocketPath: "/run/banger/vm-0123456789abcdef/agent.sock",
};

/** All values of an option, in their order. */
function values({ argv }: MachinePlan, option: string): readonly string[] {
  return argv.filter((_, index) => argv[index - 1] === option);
}

test("a kernel that can boots in a microvm, with its devices where no line is the clock's", () => {
  const plan = planMachine(spec, tcg);
  assert.equal(plan.machine, "microvm");
  assert.deepEqual(values(plan, "-device"), [
    "virtio-blk-device,drive=root,serial=root,bus=virtio-mmio-bus.7",
    "virtio-blk-device,drive=work,serial=work,bus=virtio-mmio-bus.6",
    "virtio-net-device,netdev=net,mac=02:11:22:33:44:55,bus=virtio-mmio-bus.5",
    "virtio-serial-device,bus=virtio-mmio-bus.4",
    "virtserialport,chardev=agent,name=banger.agent",
    "virtio-rng-device,rng=rng,bus=virtio-mmio-bus.2",
    "virtio-balloon-device,free-page-reporting=on,bus=virtio-mmio-bus.1",
  ]);
  assert.deepEqual(values(plan, "-machine"), ["microvm,acpi=off,rtc=on,isa-serial=on,pit=on,pic=on,x-option-roms=off"]);
});

test("the disk of the kernel's modules comes last, is only read, and leaves room for all else in a microvm", () => {
  const modules = { id: "modules", path: "/kernels/modules-1.ext4", format: "raw", readOnly: true } as const;
  const plan = planMachine({ ...spec, disks: [...spec.disks, modules] }, tcg);
  const disks = values(plan, "-device").filter((device) => device.startsWith("virtio-blk"));
  assert.equal(disks.at(-1), "virtio-blk-device,drive=modules,serial=modules,bus=virtio-mmio-bus.5");
  const blockdev = JSON.parse(values(plan, "-blockdev").at(-1) ?? "") as { "read-only": boolean };
  assert.equal(blockdev["read-only"], true);
});

test("one with more disks than a microvm has room for boots in a PC, where its kernel can", () => {
  const disks = (many: number): MachineSpec["disks"] =>
    Array.from({ length: many }, (_, n) => ({ id: `volume${n}`, path: `/v/${n}`, format: "raw", readOnly: false }));
  // Network, line and randomness take one place each.
  assert.equal(planMachine({ ...spec, disks: disks(4) }, tcg).machine, "microvm");
  assert.equal(planMachine({ ...spec, disks: disks(5) }, tcg).machine, "q35");
  assert.equal(planMachine({ ...spec, network: { mode: "none" }, disks: disks(5) }, tcg).machine, "microvm");
  assert.equal(planMachine({ ...spec, disks: disks(4) }, { ...tcg, vsockCid: 77 }).machine, "q35");
  const noPci = { ...spec, kernel: { ...spec.kernel, pci: false }, disks: disks(5) };
  assert.throws(() => planMachine(noPci, tcg), { code: "VMM_CANNOT", message: /room for 7 devices/ });
});

test("one that needs PCI, or is no ELF file, boots in a PC", () => {
  const plan = planMachine(pc, tcg);
  assert.equal(plan.machine, "q35");
  assert.equal(values(plan, "-device")[0], "virtio-blk-pci,drive=root,serial=root");
  const compressed = { ...spec, kernel: { ...spec.kernel, format: "bzImage" as const } };
  assert.equal(planMachine(compressed, tcg).machine, "q35");
  const foreign = { ...spec, kernel: { ...spec.kernel, format: "arm64-image" as const } };
  assert.throws(() => planMachine(foreign, tcg), { code: "VMM_CANNOT" });
});

test("QEMU filters its own system calls where it was built to", () => {
  assert.deepEqual(values(planMachine(spec, { ...tcg, sandbox: true }), "-sandbox"), [
    "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
  ]);
  assert.deepEqual(values(planMachine(spec, { ...tcg, sandbox: false }), "-sandbox"), []);
});

test("the processor is the host's under KVM, and the best there is under TCG", () => {
  assert.deepEqual(values(planMachine(spec, { accel: "kvm" }), "-cpu"), ["host"]);
  assert.deepEqual(values(planMachine(spec, { accel: "kvm" }), "-accel"), ["kvm"]);
  assert.deepEqual(values(planMachine(spec, tcg), "-cpu"), ["max"]);
});

test("memory is given in whole MiB, never less than what was asked for", () => {
  assert.deepEqual(values(planMachine({ ...spec, memoryBytes: bytes(mib(64) + 1) }, tcg), "-m"), ["size=65M"]);
});

test("disks keep their format, and flushes of the guest are kept", () => {
  const [root, work] = values(planMachine(spec, tcg), "-blockdev").map((json) => JSON.parse(json));
  assert.equal(root.driver, "qcow2");
  assert.deepEqual(root.file, { driver: "file", filename: "/vms/root.qcow2", "read-only": false });
  assert.equal(root.cache, undefined, "QEMU's default: a write-back cache that a flush empties");
  assert.equal(work["read-only"], true);
});

test("without a network there is no card", () => {
  const plan = planMachine({ ...spec, network: { mode: "none" } }, tcg);
  assert.deepEqual(values(plan, "-netdev"), []);
  assert.equal(
    plan.argv.some((word) => word.includes("virtio-net")),
    false,
  );
  assert.deepEqual(values(planMachine(spec, tcg), "-netdev"), ["user,id=net,ipv6=off"]);
});

test("a vsock takes the place of the serial port where the host has one, which then brings its secret", () => {
  const plan = planMachine(spec, { accel: "kvm", vsockCid: 77 });
  assert.deepEqual(plan.line, GUARDED);
  const devices = values(plan, "-device").join(" ");
  assert.match(devices, /vhost-vsock-device,guest-cid=77/);
  assert.match(devices, /virtio-serial-device.* virtserialport,chardev=agent,name=banger.agent/);
  assert.match(values(plan, "-append")[0] ?? "", / banger.line=guarded /);
  assert.equal(planMachine(spec, tcg).line.kind, "virtio-serial");
});

test("the driver's own words come first, and the whole fits the kernel", () => {
  const [line] = values(planMachine(spec, tcg), "-append");
  assert.equal(
    line,
    "console=ttyS0 quiet panic=-1 reboot=t acpi=off no_timer_check banger.line=serial root=/dev/vda rw",
  );
  assert.doesNotMatch(
    values(planMachine(pc, { accel: "kvm" }), "-append")[0] ?? "",
    /reboot=t|acpi=off|no_timer_check/,
  );
  const withWords = (...commandLine: string[]) => ({ ...spec, kernel: { ...spec.kernel, commandLine } });
  assert.throws(() => planMachine(withWords("x".repeat(1900)), tcg), { code: "VM_SPEC_INVALID" });
  assert.doesNotThrow(() => planMachine(withWords("x".repeat(1700)), tcg));
  assert.throws(() => planMachine(withWords("a\nb"), tcg), { code: "VM_SPEC_INVALID" });
});

test("emulated CPUs take turns, and keep of their translated code what goes with the guest's memory", () => {
  const accel = (memory: number, of = spec): readonly string[] =>
    values(planMachine({ ...of, memoryBytes: mib(memory) }, tcg), "-accel");
  assert.deepEqual(accel(512), ["tcg,thread=single,tb-size=128"]);
  assert.deepEqual(accel(512, pc), ["tcg,thread=single,tb-size=128"]);
  assert.deepEqual(accel(64), ["tcg,thread=single,tb-size=32"]);
  assert.deepEqual(accel(16_384), ["tcg,thread=single,tb-size=256"]);
  assert.equal(acceleratorOption("tcg"), "tcg,thread=single");
  assert.equal(acceleratorOption("kvm", mib(512)), "kvm");
});

test("a guest gives back what it frees, unless it is to be kept, or the machine has no place for that", () => {
  const balloons = (machine: MachineSpec, host: QemuHost = tcg): readonly string[] =>
    values(planMachine(machine, host), "-device").filter((device) => device.startsWith("virtio-balloon"));
  assert.deepEqual(balloons(pc), ["virtio-balloon-pci,free-page-reporting=on"]);
  assert.equal(balloons(spec).length, 1);
  assert.deepEqual(balloons({ ...spec, keepsFreedMemory: true }), []);
  const modules = { id: "modules", path: "/m", format: "raw", readOnly: true } as const;
  const full = { ...spec, disks: [...spec.disks, modules] };
  assert.equal(balloons(full).length, 1, "the last place of all");
  assert.deepEqual(balloons(full, { accel: "kvm", vsockCid: 77 }), []);
});

test("an emulated guest is told the rate of its clock, and left to doubt it", () => {
  const words = (machine: MachineSpec, accel: "kvm" | "tcg", tscKhz?: number): string =>
    values(planMachine(machine, { accel, ...(tscKhz !== undefined && { tscKhz }) }), "-append")[0] ?? "";
  assert.match(words(spec, "tcg", 2_596_098), / tsc_early_khz=2596098 tsc=nowatchdog /);
  assert.match(words(pc, "tcg", 2_596_098), / tsc_early_khz=2596098 tsc=nowatchdog /);
  assert.doesNotMatch(words(spec, "tcg", 2_596_098), /tsc=reliable/);
  assert.doesNotMatch(words(spec, "tcg"), /tsc/);
  assert.doesNotMatch(words(spec, "kvm", 2_596_098), /tsc/);
});

test("a kernel that reads no MP table gets a PC for more than one CPU, or is refused", () => {
  const single = { ...spec, kernel: { ...spec.kernel, mpTable: false } };
  assert.equal(planMachine(single, tcg).machine, "q35");
  assert.equal(planMachine({ ...single, vcpus: 1 }, tcg).machine, "microvm");
  const bare = { ...single, kernel: { ...single.kernel, pci: false } };
  assert.throws(() => planMachine(bare, tcg), { code: "VMM_CANNOT" });
  assert.equal(planMachine({ ...bare, vcpus: 1 }, tcg).machine, "microvm");
  assert.equal(planMachine({ ...spec, kernel: { ...spec.kernel, mpTable: true, pci: false } }, tcg).machine, "microvm");
});

test("a path with commas stays one path", () => {
  const plan = planMachine({ ...spec, consoleLog: "/l,server=off" }, tcg);
  const console = values(plan, "-chardev").find((value) => value.includes("id=console"));
  assert.equal(console, "socket,id=console,path=console.sock,server=on,wait=off,logfile=/l,,server=off,logappend=on");
});

test("no value can end its option", () => {
  check(
    property(string(), (value) => {
      const text = optionString("x", { key: value });
      // QEMU's own reading: a comma ends a value unless it is doubled (util/qemu-option.c).
      assert.equal(text.slice("x,key=".length).replaceAll(",,", "\0").includes(","), false);
      assert.equal(text.slice("x,key=".length).replaceAll(",,", ","), value);
    }),
  );
});

test("a disk's bandwidth is bounded by a throttle group of its own", () => {
  const plan = planMachine({ ...spec, limits: { diskBandwidth: 10_000_000 } }, tcg);
  const objects = values(plan, "-object").filter((text) => text.startsWith("{"));
  assert.deepEqual(
    objects.map((text) => JSON.parse(text)),
    ["root", "work"].map((disk) => ({
      "qom-type": "throttle-group",
      id: `limit-${disk}`,
      limits: { "bps-total": 10_000_000 },
    })),
  );
  const [root, limited] = values(plan, "-blockdev").map((text) => JSON.parse(text));
  assert.equal(root["node-name"], "root");
  assert.deepEqual(limited, {
    driver: "throttle",
    "node-name": "limited-root",
    "throttle-group": "limit-root",
    file: "root",
  });
  assert.match(values(plan, "-device")[0] ?? "", /drive=limited-root,serial=root/);
});

test("a TAP device is opened by its name, and its MTU told to the guest; user mode listens itself", () => {
  const { mac, address, gateway, dns } = {
    mac: "02:11:22:33:44:55",
    address: "10.0.0.2/30",
    gateway: "10.0.0.1",
    dns: [],
  };
  const tap = { mode: "tap", mac, address, gateway, dns, device: "bgr-1", mtu: 1450, via: "nftables" } as const;
  const plan = planMachine({ ...spec, network: tap }, tcg);
  assert.deepEqual(values(plan, "-netdev"), ["tap,id=net,ifname=bgr-1,script=no,downscript=no"]);
  assert.match(values(plan, "-device").join(" "), /virtio-net-device,netdev=net,mac=02:11:22:33:44:55,host_mtu=1450,/);

  const publish = [
    { hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80 },
    { hostAddress: "0.0.0.0", hostPort: 2222, guestPort: 22 },
  ];
  const user = { mode: "user", mac, address, gateway, dns, publish } as const;
  assert.deepEqual(values(planMachine({ ...spec, network: user }, tcg), "-netdev"), [
    "user,id=net,ipv6=off,hostfwd=tcp:127.0.0.1:8080-10.0.0.2:80,hostfwd=tcp:0.0.0.0:2222-10.0.0.2:22",
  ]);
});

test("each VM has a vsock number of its own, and never one that is not a guest's", () => {
  const ids = Array.from({ length: 2000 }, (_, n) => vsockCid(`vm-${n}`));
  assert.equal(new Set(ids).size, ids.length);
  for (const cid of ids) assert.ok(cid >= 3 && cid < 0xffffffff);
  const plan = planMachine(spec, { accel: "kvm", vsockCid: 77 });
  assert.deepEqual(plan.line, GUARDED);
  assert.ok(values(plan, "-device").includes("vhost-vsock-device,guest-cid=77,bus=virtio-mmio-bus.4"));
});
