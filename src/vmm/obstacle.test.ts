import assert from "node:assert/strict";
import { test } from "node:test";
import type { DriverAbilities } from "./abilities.ts";
import { obstacleTo, type MachineNeeds } from "./obstacle.ts";

const all: DriverAbilities = {
  accel: "kvm",
  diskFormats: new Set(["raw", "qcow2"]),
  networks: new Set(["none", "user", "tap"]),
  maxVcpus: 4,
  needsVsock: false,
  pc: true,
  limits: { disk: true, net: true },
};
const needs = (changes: { readonly [K in keyof MachineNeeds]?: object } = {}): MachineNeeds =>
  ({
    spec: { vcpus: 4, ...changes.spec },
    network: { mode: "tap", ...changes.network },
    disks: changes.disks ?? [{ format: "raw" }],
    kernel: { microvm: true, ...changes.kernel },
  }) as MachineNeeds;
const found = (asked: MachineNeeds, lacks: Partial<DriverAbilities> = {}) =>
  obstacleTo(asked, "X", { ...all, ...lacks });

test("a driver that can do all runs each VM", () => {
  assert.equal(found(needs()), undefined);
  assert.equal(
    found(needs({ kernel: { microvm: false }, disks: [{ format: "qcow2" }], spec: { vcpus: 1 } })),
    undefined,
  );
  const limited = needs({
    spec: { diskBandwidth: 1, netBandwidth: 1, diskStrategy: "qcow2" },
    kernel: { vsock: false },
  });
  assert.equal(found(limited), undefined);
});

test("what a driver lacks keeps it only from VMs that need it", () => {
  const raw = new Set(["raw"] as const);
  const cases: readonly (readonly [Partial<DriverAbilities>, object, object, string])[] = [
    [{ pc: false }, { kernel: { microvm: false } }, { kernel: { microvm: true } }, "no-pc"],
    [
      { pc: false },
      { kernel: { microvm: true, mmioElf: false } },
      { kernel: { microvm: false, mmioElf: true } },
      "no-pc",
    ],
    [{ needsVsock: true }, { kernel: { vsock: false } }, { kernel: { vsock: true } }, "no-guest-vsock"],
    [{ needsVsock: true }, { kernel: { vsock: false } }, {}, "no-guest-vsock"],
    [{ diskFormats: raw }, { disks: [{ format: "raw" }, { format: "qcow2" }] }, {}, "disk-format"],
    [{ diskFormats: raw }, { spec: { diskStrategy: "qcow2" } }, { spec: { diskStrategy: "reflink" } }, "disk-format"],
    [{ networks: new Set(["none"] as const) }, {}, { network: { mode: "none" } }, "network-mode"],
    [{ maxVcpus: 4 }, { spec: { vcpus: 5 } }, { spec: { vcpus: 4 } }, "too-many-vcpus"],
    [
      { limits: { disk: false, net: true } },
      { spec: { diskBandwidth: 1 } },
      { spec: { netBandwidth: 1 } },
      "no-disk-limit",
    ],
    [
      { limits: { disk: true, net: false } },
      { spec: { netBandwidth: 1 } },
      { spec: { diskBandwidth: 1 } },
      "no-network-limit",
    ],
  ];
  for (const [lacks, asks, asksNot, code] of cases) {
    const obstacle = found(needs(asks), lacks);
    assert.equal(obstacle?.code, code, JSON.stringify(asks));
    assert.match(obstacle?.why ?? "", /^X /);
    assert.equal(found(needs(asksNot), lacks), undefined, JSON.stringify(asksNot));
  }
});

test("the first obstacle is told, and names what it is about", () => {
  const raw = new Set(["raw"] as const);
  const asks = needs({ kernel: { microvm: false }, disks: [{ format: "qcow2" }], spec: { vcpus: 9 } });
  assert.equal(found(asks, { pc: false, diskFormats: raw })?.code, "no-pc");
  assert.deepEqual(found(asks, { diskFormats: raw }), {
    code: "disk-format",
    why: "X reads no qcow2 disk, and this VM has one",
  });
  assert.match(found(asks)?.why ?? "", /at most 4 processors/);
});
