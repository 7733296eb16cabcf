import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { putRow } from "../../../core/testing/put-row.ts";
import { ephemeralVms } from "./ephemeral.ts";
import { VM_ID, vmScene } from "../testing/vm-scene.ts";
import type { VmContext } from "../vm-context.ts";

async function scene(t: TestContext, ephemeral: boolean) {
  const { context, vm, gone } = await vmScene(t);
  await mkdir(join(context.layout.vmsDir, VM_ID), { recursive: true });
  const row = ephemeral ? { ...vm, ephemeral } : vm;
  putRow(context.store, "vms", row);
  return { context, vm: context.store.vms.get(VM_ID), gone };
}

async function untilDeleted({ store }: VmContext, t: TestContext): Promise<void> {
  while (store.vms.find(VM_ID) !== undefined) await after(5, undefined, { signal: t.signal });
}

test("a VM that was made for one command goes with its owner's connection, and so does its VMM", async (t) => {
  const { context, vm, gone } = await scene(t, true);
  const owner = new AbortController();
  const owned = ephemeralVms(context, 60_000);
  owned.expectOwner(vm);
  owned.own(vm, owner.signal);
  await after(20);
  assert.ok(context.store.vms.find(VM_ID));
  owner.abort();
  await Promise.all([untilDeleted(context, t), gone]);
});

test("one that nobody comes to own, after its creation or a daemon's start, is deleted", async (t) => {
  const { context, vm } = await scene(t, true);
  ephemeralVms(context, 10).expectOwner(vm);
  await after(20);
  await untilDeleted(context, t);
});

test("an owner in time keeps it", async (t) => {
  const { context, vm } = await scene(t, true);
  const owned = ephemeralVms(context, 10);
  owned.expectOwner(vm);
  owned.own(vm, new AbortController().signal);
  await after(50);
  assert.ok(context.store.vms.find(VM_ID));
});

test("any other VM stays, whoever runs a command in it", async (t) => {
  const { context, vm } = await scene(t, false);
  const owned = ephemeralVms(context, 5);
  owned.expectOwner(vm);
  owned.own(vm, AbortSignal.abort());
  await after(30);
  assert.ok(context.store.vms.find(VM_ID));
});
