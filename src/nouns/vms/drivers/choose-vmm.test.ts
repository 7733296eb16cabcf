import assert from "node:assert/strict";
import { test } from "node:test";
import type { VmmChoice } from "../../../model/vm.ts";
import type { DriverAbilities } from "../../../vmm/abilities.ts";
import { obstacleTo, type MachineNeeds } from "../../../vmm/obstacle.ts";
import { chooseVmm, type VmmFound, type VmmHost } from "./choose-vmm.ts";

const qemu: DriverAbilities = {
  accel: "kvm",
  diskFormats: new Set(["raw", "qcow2"]),
  networks: new Set(["none", "user"]),
  maxVcpus: 64,
  needsVsock: false,
  pc: true,
  limits: { disk: true, net: false },
};
const firecracker: DriverAbilities = {
  ...qemu,
  accel: "kvm",
  diskFormats: new Set(["raw"]),
  networks: new Set(["none"]),
  maxVcpus: 32,
  needsVsock: true,
  pc: false,
  limits: { disk: true, net: true },
};

/** As its driver would be found. */
function found(
  facts: Omit<VmmFound, "obstacle" | "abilities">,
  abilities: DriverAbilities,
): VmmFound & { readonly abilities: DriverAbilities } {
  return { ...facts, abilities, obstacle: (what) => obstacleTo(what, facts.title, abilities) };
}

const FOUND_FIRECRACKER = {
  vmm: "firecracker",
  title: "Firecracker",
  usable: true,
  summary: "Firecracker 1.16.1 at /bin/firecracker",
} as const;

const FOUND_QEMU = { vmm: "qemu", title: "QEMU", usable: true, summary: "QEMU" } as const;

function host(changes: Partial<VmmHost> = {}): VmmHost {
  return {
    kvm: { works: true, summary: "KVM runs guests" },
    vmms: [found(FOUND_FIRECRACKER, firecracker), found(FOUND_QEMU, qemu)],
    ...changes,
  };
}

function needs(changes: Partial<MachineNeeds["spec"]> = {}, others: Partial<MachineNeeds> = {}): MachineNeeds {
  const spec = {
    vcpus: 2,
    memoryBytes: 2 ** 30,
    nat: false,
    publish: [],
    allowHost: false,
    allowVms: false,
    env: {},
    ready: [],
    volumes: [],
    init: "auto",
    vmm: "auto",
    ...changes,
  } as const;
  return { spec, network: { mode: "none" }, disks: [{ format: "raw" }], kernel: { microvm: true }, ...others };
}

const choose = (asked: VmmChoice, what = needs(), where = host()) => chooseVmm(asked, what, where);

test("auto takes Firecracker where it is there and KVM runs guests, and says so", () => {
  const { vmm, reason } = choose("auto");
  assert.equal(vmm, "firecracker");
  assert.match(reason, /Firecracker 1\.16\.1 at \/bin\/firecracker, and KVM runs guests/);
});

test("auto takes QEMU where anything speaks against Firecracker, and says what", () => {
  const kvm = { works: false, summary: "KVM opens but does not run a guest" };
  const absent = found(
    { ...FOUND_FIRECRACKER, usable: false, summary: "there is no firecracker in PATH" },
    firecracker,
  );
  const emulating = found(FOUND_QEMU, { ...qemu, accel: "tcg" });
  const withoutKvm = host({ kvm, vmms: host().vmms.map((each) => (each.vmm === "qemu" ? emulating : each)) });
  const withoutIt = host({
    kvm: host().kvm,
    vmms: host().vmms.map((each) => (each.vmm === "qemu" ? each : absent)),
  });
  const cases: readonly [MachineNeeds, VmmHost, RegExp][] = [
    [needs(), withoutKvm, /KVM opens but does not run a guest/],
    [needs(), withoutIt, /no firecracker in PATH/],
    [needs({}, { kernel: { microvm: false } }), host(), /this one needs PCI/],
    [needs({}, { kernel: { microvm: true, vsock: false } }), host(), /by vsock only/],
    [needs({}, { disks: [{ format: "raw" }, { format: "qcow2" }] }), host(), /qcow2/],
    [needs({ diskStrategy: "qcow2" }), host(), /no qcow2 disk, and this VM is to have one/],
    [needs({ vcpus: 33 }), host(), /at most 32/],
    [
      needs({}, { network: { mode: "user", mac: "", address: "", gateway: "", dns: [] } }),
      host(),
      /network of mode "user"/,
    ],
  ];
  for (const [what, where, why] of cases) {
    const { vmm, reason } = choose("auto", what, where);
    assert.equal(vmm, "qemu");
    assert.match(reason, why);
  }
});

test("a kernel that finds virtio-mmio and lacks only the note for PVH is Firecracker's too", () => {
  assert.equal(choose("auto", needs({}, { kernel: { microvm: false, mmioElf: true } })).vmm, "firecracker");
  assert.equal(choose("auto", needs({}, { kernel: { microvm: false, mmioElf: false } })).vmm, "qemu");
});

test("a VMM of which nothing is known is refused, and no other taken in its place", () => {
  const [, onlyQemu] = host().vmms;
  assert.ok(onlyQemu);
  assert.throws(() => choose("firecracker", needs(), host({ vmms: [onlyQemu] })), {
    code: "VMM_CANNOT",
    why: /does not drive it/,
  });
});

test("what is asked for by name is taken, or refused with its reason; KVM is then the VMM's own to judge", () => {
  assert.equal(choose("qemu").vmm, "qemu");
  assert.equal(choose("firecracker", needs(), host({ kvm: { works: false, summary: "no KVM" } })).vmm, "firecracker");
  const refused = { code: "VMM_CANNOT", why: /needs PCI/, fix: /`vmm` qemu/ };
  assert.throws(() => choose("firecracker", needs({}, { kernel: { microvm: false } })), refused);
  assert.throws(() => choose("qemu", needs({ netBandwidth: 10 ** 6 })), { code: "VMM_CANNOT", why: /bandwidth/ });
});

test("where nothing can run it, both say why", () => {
  const limited = needs({ netBandwidth: 10 ** 6 }, { kernel: { microvm: false } });
  assert.throws(() => choose("auto", limited), {
    code: "VMM_CANNOT",
    why: /Firecracker: .*PCI; QEMU: .*bandwidth/,
    data: { obstacles: { firecracker: "no-pc", qemu: "no-network-limit" } },
  });
});
