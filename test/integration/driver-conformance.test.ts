import assert from "node:assert/strict";
import { test } from "node:test";
import { probeKvm } from "../../src/host/probe-kvm.ts";
import { findExecutable } from "../../src/lib/find-executable.ts";
import { createFirecrackerDriver } from "../../src/vmm/firecracker/firecracker-driver.ts";
import { createQemuDriver } from "../../src/vmm/qemu/qemu-driver.ts";
import { prepareStandIn, standInAs } from "../helpers/stand-in.ts";
import { TinyGuest } from "../helpers/tiny-guest.ts";
import { driverConformance } from "./driver-conformance.ts";

driverConformance({
  name: "QEMU, TCG",
  driver: () => createQemuDriver({ accel: "tcg" }),
  startAndDie: [],
  locksDisks: true,
  filtersSystemCalls: true,
  namesDisks: true,
});

const { works, summary } = await probeKvm({});
driverConformance({
  name: "QEMU, KVM",
  driver: () => createQemuDriver({ accel: "kvm" }),
  startAndDie: [],
  skip: works ? undefined : summary,
  locksDisks: true,
  filtersSystemCalls: true,
  namesDisks: true,
});

// A release that resumes its vsock: what 1.16 does instead is said below.
const standIn = standInAs("1.15.1");
driverConformance({
  name: "Firecracker, by its stand-in",
  driver: () => createFirecrackerDriver({ firecrackerBin: standIn }),
  startAndDie: [standIn],
  skip: prepareStandIn(),
  locksDisks: false,
  filtersSystemCalls: false,
  namesDisks: false,
});

const firecracker = await findExecutable("firecracker");
driverConformance({
  name: "Firecracker itself",
  driver: () => createFirecrackerDriver({}),
  startAndDie: [firecracker ?? ""],
  skip: firecracker === undefined ? "there is no firecracker in PATH" : works ? undefined : summary,
  locksDisks: false,
  filtersSystemCalls: true,
  namesDisks: false,
});

test("without QEMU the package is named, and without Firecracker what to do", async () => {
  await using guest = await TinyGuest.make();
  const nowhere = { searchPath: "/nonexistent" };
  const spec = await guest.spec("look");
  await assert.rejects(createQemuDriver({ accel: "tcg", ...nowhere }).start(spec, AbortSignal.timeout(5_000)), {
    code: "TOOL_MISSING",
    fix: /qemu-system-x86|qemu/,
  });
  await assert.rejects(createFirecrackerDriver(nowhere).start(spec, AbortSignal.timeout(5_000)), {
    code: "TOOL_MISSING",
    fix: /firecracker_bin/,
  });
});
