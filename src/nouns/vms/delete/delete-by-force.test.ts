import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { VM_ID, vmScene } from "../testing/vm-scene.ts";
import { deleteByForce } from "./delete-by-force.ts";

const operation = { signal: new AbortController().signal, progress: () => {} };

test("two who delete a VM at once both succeed, and neither cancels the other", async (t) => {
  const { context, gone } = await vmScene(t);
  await mkdir(join(context.layout.vmsDir, VM_ID), { recursive: true });
  const both = [deleteByForce(context, VM_ID, operation), deleteByForce(context, VM_ID, operation)];
  assert.deepEqual(
    (await Promise.allSettled(both)).map(({ status }) => status),
    ["fulfilled", "fulfilled"],
  );
  await gone;
  assert.equal(context.store.vms.find(VM_ID), undefined);
  assert.equal(context.deleting.size, 0);
});

test("where the first does not get through, the second does it itself", async (t) => {
  const { context } = await vmScene(t);
  await mkdir(join(context.layout.vmsDir, VM_ID), { recursive: true });
  context.deleting.set(VM_ID, Promise.reject(new Error("its client is gone")));
  await deleteByForce(context, VM_ID, operation);
  assert.equal(context.store.vms.find(VM_ID), undefined);
});
