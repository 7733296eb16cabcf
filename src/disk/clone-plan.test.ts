import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, gib, mib } from "../lib/bytes.ts";
import type { DiskStrategy } from "../model/vm.ts";
import { planClone, type CloneAbilities } from "./clone-plan.ts";

const base = { path: "/images/rootfs.ext4", sizeBytes: gib(8), usedBytes: mib(300) };
const raw = new Set(["raw"] as const);

/** A host on a plain file system, with QEMU: what most have. */
function able(changes: Partial<CloneAbilities> = {}): CloneAbilities {
  return {
    lacks: { reflink: "files do not share blocks", "dm-snapshot": "it needs root" },
    formats: new Set(["raw", "qcow2"]),
    freeBytes: gib(10),
    ...changes,
  };
}

function pick(abilities: CloneAbilities, wanted?: DiskStrategy): DiskStrategy {
  return planClone(base, "/vm/root", gib(8), abilities, wanted).strategy;
}

test("prefers reflink, then qcow2, then device mapper, and copies where nothing is shared", () => {
  assert.equal(pick(able({ lacks: {} })), "reflink");
  assert.equal(pick(able()), "qcow2");
  assert.equal(pick(able({ formats: raw, lacks: { reflink: "no" } })), "dm-snapshot");
  assert.equal(pick(able({ formats: raw })), "sparse-copy");
});

test("takes the way that is wanted, though there be cheaper ones", () => {
  assert.equal(pick(able({ lacks: {} }), "sparse-copy"), "sparse-copy");
  assert.equal(pick(able({ lacks: {} }), "qcow2"), "qcow2");
});

test("says why the way that is wanted cannot be had, and which can", () => {
  const cases: readonly [CloneAbilities, DiskStrategy, RegExp, RegExp][] = [
    [able(), "reflink", /do not share blocks/, /take qcow2 or sparse-copy$/],
    [able(), "dm-snapshot", /needs root/, /take qcow2 or sparse-copy$/],
    [able({ formats: raw }), "qcow2", /the VMM reads raw disks only/, /take sparse-copy$/],
  ];
  for (const [abilities, wanted, why, fix] of cases) {
    assert.throws(() => pick(abilities, wanted), { code: "DISK_NO_STRATEGY", why, fix });
  }
});

test("refuses before writing when the copy would not fit", () => {
  const tight = able({ formats: raw, freeBytes: mib(299) });
  assert.throws(() => pick(tight), { code: "DISK_FULL" });
  assert.throws(() => pick(able({ freeBytes: mib(299) }), "sparse-copy"), { code: "DISK_FULL" });
  assert.equal(pick(able({ freeBytes: mib(299) })), "qcow2");
  assert.throws(() => pick(able({ freeBytes: mib(0) })), { code: "DISK_FULL" });
});

test("says when host and driver share nothing", () => {
  const none = able({ lacks: { ...able().lacks, qcow2: "no" }, formats: new Set(["qcow2"]) });
  assert.throws(() => pick(none), { code: "DISK_NO_STRATEGY", why: /sparse-copy: the VMM reads qcow2 disks only/ });
});

test("a disk can be larger than its base, and never smaller", () => {
  assert.equal(planClone(base, "/vm/root", gib(9), able()).sizeBytes, gib(9));
  assert.throws(() => planClone(base, "/vm/root", gib(7), able()), { code: "VM_SPEC_INVALID" });
});

test("a plan tells whether its base must stay", () => {
  const leans = (["reflink", "qcow2", "dm-snapshot", "sparse-copy"] as const).map(
    (wanted) => planClone(base, "/vm/root", gib(8), able({ lacks: {} }), wanted).leansOnBase,
  );
  assert.deepEqual(leans, [false, true, true, false]);
});

test("a copy that just fits is made; what is missing is told of the way that takes least", () => {
  const exact = planClone(base, "/vm/root", gib(8), able({ formats: raw, freeBytes: mib(300) }));
  assert.deepEqual([exact.strategy, exact.reserveBytes, exact.format], ["sparse-copy", mib(300), "raw"]);
  const overlay = planClone(base, "/vm/root", gib(8), able({ freeBytes: mib(1) }));
  assert.deepEqual([overlay.strategy, overlay.reserveBytes, overlay.format], ["qcow2", mib(1), "qcow2"]);
  assert.throws(() => pick(able({ freeBytes: bytes(1000) })), {
    code: "DISK_FULL",
    why: /^it takes 1 MiB, and 1000 B/,
  });
});
