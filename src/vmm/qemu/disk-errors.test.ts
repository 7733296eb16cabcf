import assert from "node:assert/strict";
import { test } from "node:test";
import { diskErrorOf, fullDiskIn } from "./disk-errors.ts";

test("an error is told of its disk, behind the limit of its bandwidth too", () => {
  const event = { device: "", "node-name": "limited-root", operation: "write", action: "stop", nospace: true };
  assert.deepEqual(diskErrorOf({ ...event, reason: "No space left on device" }), {
    disk: "root",
    hasStopped: true,
    isFull: true,
    reason: "No space left on device",
  });
  const failing = diskErrorOf({
    "node-name": "work",
    operation: "read",
    action: "report",
    reason: "Input/output error",
  });
  assert.deepEqual([failing?.disk, failing?.hasStopped, failing?.isFull], ["work", false, false]);
  assert.equal(diskErrorOf({ action: "explode" }), undefined);
});

test("which disk a machine stopped for is known as long as it stands", () => {
  const block = (status: string, node: string) => ({
    "io-status": status,
    inserted: { "node-name": node },
    locked: false,
  });
  assert.equal(fullDiskIn([block("ok", "root"), block("nospace", "limited-work")]), "work");
  assert.equal(fullDiskIn([block("ok", "root"), block("failed", "work"), { device: "floppy" }]), undefined);
});
