import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BangerError } from "../../../lib/errors.ts";
import { runChecks } from "../../../host/checks.ts";
import type { HostCheck } from "../../../model/doctor.ts";
import { VMMS } from "../../../model/fields/choices.ts";
import type { MachineRecord, Vmm } from "../../../model/vm.ts";
import type { DriverAbilities } from "../../../vmm/abilities.ts";
import type { Driver } from "../../../vmm/driver.ts";
import { openDrivers } from "../../../vmm/drivers.ts";
import { OBSTACLES, obstacleTo, type MachineNeeds } from "../../../vmm/obstacle.ts";
import { driversOf } from "./drivers.ts";

const vm = {
  spec: { vcpus: 1, memoryBytes: 2 ** 28, nat: false, publish: [], env: {}, init: "auto", vmm: "auto" },
  network: { mode: "none" },
  disks: [],
} as unknown as MachineNeeds & { readonly disks: [] };
const kernel = { microvm: true };
const all: DriverAbilities = {
  accel: "tcg",
  diskFormats: new Set(["raw"]),
  networks: new Set(["none"]),
  maxVcpus: 8,
  needsVsock: false,
  pc: true,
  limits: { disk: false, net: false },
};

/** A driver as a newer banger may have, of a name that this one's types do not know. */
function driver(name: string, parts: Partial<Driver> = {}): Driver {
  return {
    name: name as Vmm,
    title: name.toUpperCase(),
    summary: async () => `${name} 1.0`,
    abilities: async () => all,
    obstacle: (needs, abilities) => obstacleTo(needs, name.toUpperCase(), abilities),
    checks: () => [],
    start: () => assert.fail("nothing is started"),
    attach: () => assert.fail("nothing is taken back"),
    strays: async () => [],
    ...parts,
  };
}
const kvm = async () => ({ key: "", works: false, opens: false, summary: "no KVM", tookMs: 0 });
const recordOf = (vmm: string) => ({ vmm }) as Pick<MachineRecord, "vmm">;

test("the first driver that can run a VM is taken, whatever its name", async () => {
  const [third, second, first] = [driver("third"), driver("second"), driver("first")];
  const refusing = { ...first, obstacle: () => ({ code: "no-pc", why: "not this one" }) as const };
  assert.equal((await driversOf([third, second], kvm).choose(vm, kernel)).name, "third");
  assert.equal((await driversOf([refusing, third], kvm).choose(vm, kernel)).name, "third");
  assert.equal(
    (await driversOf([refusing, third], kvm).explain(vm, kernel)).reason,
    "THIRD, and not FIRST: not this one",
  );
});

test("a record is its own driver's, and never another's", async () => {
  const drivers = driversOf([driver("first"), driver("third")], kvm);
  assert.equal((await drivers.of(recordOf("third"))).name, "third");
  await assert.rejects(drivers.of(recordOf("fourth")), { code: "VMM_CANNOT", what: /does not drive fourth/ });
});

test("a driver that is not to be had is known for that, and says why", async () => {
  const why = new BangerError("TOOL_MISSING", { what: "first is not installed", fix: "install it" });
  const absent = driver("first", { summary: () => Promise.reject(why) });
  const drivers = driversOf([absent, driver("second")], kvm);
  assert.deepEqual(
    (await drivers.host()).vmms.map(({ usable, summary }) => [usable, summary]),
    [
      [false, "first is not installed"],
      [true, "second 1.0"],
    ],
  );
  assert.equal((await drivers.choose(vm, kernel)).name, "second");
  await assert.rejects(driversOf([absent], kvm).choose(vm, kernel), {
    code: "VMM_CANNOT",
    data: { obstacles: { first: "not-found" } },
  });
});

test("each VMM that can be asked for has its driver, Firecracker first, and KVM is asked about only when it matters", async () => {
  let asked = 0;
  const accel = async (): Promise<"tcg"> => {
    asked += 1;
    return "tcg";
  };
  const drivers = openDrivers({ config: {}, searchPath: "/nonexistent", accel });
  assert.deepEqual(
    drivers.map(({ name }) => name),
    ["firecracker", "qemu"],
  );
  assert.deepEqual(drivers.map(({ name }) => name).toSorted(), [...VMMS].toSorted());
  for (const each of drivers) assert.deepEqual(await each.strays("vm-0123456789abcdef"), []);
  assert.equal(asked, 0);
  assert.equal((await drivers[1]?.abilities())?.accel, "tcg");
  assert.equal(asked, 1);
});

test("a driver brings its own checks to doctor, in its place among the drivers, and can keep all VMs from running", async () => {
  const told: unknown[] = [];
  const check = (name: string, result: "ok" | "fail"): HostCheck => ({
    name,
    why: "it is a toy",
    essential: true,
    look: async () => ({ result, summary: `${name} was looked at` }),
  });
  const toy = driver("toy", {
    checks(host) {
      told.push(
        host.configured,
        host.others.map(({ title }) => title),
      );
      return [check("toy-device", "ok"), check("toy-licence", "fail")];
    },
  });
  const drivers = driversOf([driver("first", { checks: () => [check("first", "ok")] }), toy], kvm, "auto");
  const rest = {
    dataDir: tmpdir(),
    searchPath: undefined,
    registries: [],
    kvm,
    canReflink: async () => false,
    more: [],
  };
  const report = await runChecks({ ...rest, drivers: drivers.checks() }, AbortSignal.timeout(10_000));
  const names = report.checks.map(({ name }) => name);
  assert.deepEqual(names.slice(names.indexOf("kvm"), names.indexOf("devices")), [
    "kvm",
    "first",
    "toy-device",
    "toy-licence",
  ]);
  assert.deepEqual(told, ["auto", ["FIRST"]]);
  assert.equal(report.canRunVms, false);
  const without = driversOf([driver("first", { checks: () => [check("first", "ok")] })], kvm);
  const sound = await runChecks({ ...rest, drivers: without.checks() }, AbortSignal.timeout(10_000));
  assert.equal(sound.canRunVms, true);
  assert.ok(sound.checks.every(({ name }) => !name.startsWith("toy")));
});

test("what chooses among drivers, and what asks for their checks, knows none by its name", () => {
  const names = (text: string): readonly string[] => text.match(/qemu|firecracker/gi) ?? [];
  for (const file of ["choose-vmm.ts", "drivers.ts", "../../system/doctor.ts", "../../../host/checks.ts"])
    assert.deepEqual(names(readFileSync(join(import.meta.dirname, file), "utf8")), [], file);
  assert.deepEqual(names(`if (vmm === "qemu") createFirecrackerDriver();`), ["qemu", "Firecracker"]);
});

test("each obstacle has a code of its own", () => assert.equal(new Set(OBSTACLES).size, OBSTACLES.length));
