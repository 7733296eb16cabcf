import assert from "node:assert/strict";
import { test } from "node:test";
import { gib, mib } from "../lib/bytes.ts";
import { planClone, type CloneAbilities } from "./clone-plan.ts";

const base = { path: "/images/rootfs.ext4", sizeBytes: gib(8), usedBytes: mib(300) };

function able(changes: Partial<CloneAbilities> = {}): CloneAbilities {
  return { reflink: false, qcow2: true, formats: new Set(["raw", "qcow2"]), freeBytes: gib(10), ...changes };
}

test("prefers reflink, then qcow2, and falls back to what the driver can read", () => {
  const pick = (abilities: CloneAbilities) => planClone(base, "/vm/root", gib(8), abilities).strategy;
  assert.equal(pick(able({ reflink: true })), "reflink");
  assert.equal(pick(able()), "qcow2");
  assert.equal(pick(able({ formats: new Set(["raw"]) })), "sparse-copy");
  assert.equal(pick(able({ qcow2: false })), "sparse-copy");
});

test("refuses before writing when the copy would not fit", () => {
  const tight = able({ qcow2: false, freeBytes: mib(299) });
  assert.throws(() => planClone(base, "/vm/root", gib(8), tight), { code: "DISK_FULL" });
  assert.equal(planClone(base, "/vm/root", gib(8), able({ freeBytes: mib(299) })).strategy, "qcow2");
});

test("says when host and driver share nothing", () => {
  const none = able({ qcow2: false, formats: new Set(["qcow2"]) });
  assert.throws(() => planClone(base, "/vm/root", gib(8), none), { code: "DISK_NO_STRATEGY" });
});

test("a disk can be larger than its base, and never smaller", () => {
  assert.equal(planClone(base, "/vm/root", gib(9), able()).sizeBytes, gib(9));
  assert.throws(() => planClone(base, "/vm/root", gib(7), able()), { code: "VM_SPEC_INVALID" });
});
