import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { putRow } from "../../core/testing/put-row.ts";
import { installLog } from "./first-boot/install-logs.ts";
import { deleteVm, forgetVm } from "./delete/delete-vm.ts";
import { endMachine } from "./stop/stop-vm.ts";
import { VM_ID, vmScene } from "./testing/vm-scene.ts";

const operation = { signal: new AbortController().signal, progress: () => {} };

test("a record that has a VM's sockets beside its disks does not take them along", async (t) => {
  const { context, vm } = await vmScene(t);
  assert.ok(vm.machine);
  const home = join(context.layout.vmsDir, VM_ID);
  await mkdir(home, { recursive: true });
  await writeFile(join(home, "root"), "all that the guest has");
  putRow(context.store, "vms", { ...vm, machine: { ...vm.machine, controlSocket: join(home, "qmp.sock") } });
  await endMachine(context, VM_ID);
  assert.equal(await readFile(join(home, "root"), "utf8"), "all that the guest has");
});

test("a run folder elsewhere that describes a VM is none, whatever a record says", async (t) => {
  const { context, vm } = await vmScene(t);
  assert.ok(vm.machine);
  const backup = join(context.layout.cacheDir, "backup", VM_ID);
  await mkdir(backup, { recursive: true });
  await writeFile(join(backup, "vm.json"), "{}");
  putRow(context.store, "vms", { ...vm, machine: { ...vm.machine, controlSocket: join(backup, "qmp.sock") } });
  await endMachine(context, VM_ID);
  assert.equal(await readFile(join(backup, "vm.json"), "utf8"), "{}");
});

test("a VM is forgotten under an intent, whoever asks, and a failure ends that: nothing is deleted later", async (t) => {
  const { context } = await vmScene(t);
  const seen: string[][] = [];
  const lower = async (): Promise<void> => {
    seen.push(context.store.intents.open().map(({ kind, subject }) => `${kind} ${subject}`));
    if (seen.length === 1) throw new Error("the network stays");
  };
  Object.assign(context, { networks: { lower } });
  await assert.rejects(forgetVm(context, VM_ID), /the network stays/);
  assert.deepEqual(context.store.intents.open(), []);
  await forgetVm(context, VM_ID);
  assert.deepEqual([seen, context.store.intents.open()], [[[`vm.delete ${VM_ID}`], [`vm.delete ${VM_ID}`]], []]);
});

test("deleting a VM removes the log of its own installation, and no file that its record names as that", async (t) => {
  const { context, vm } = await vmScene(t);
  const own = installLog(context.layout, VM_ID);
  const users = join(context.layout.cacheDir, "thesis");
  for (const path of [own, users]) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, "dear");
  }
  const told = { ...vm, firstBoot: { install: "systemd", log: users } } as const;
  putRow(context.store, "vms", told);
  await deleteVm(context, told, true, operation);
  assert.equal(await readFile(users, "utf8"), "dear");
  await assert.rejects(readFile(own), { code: "ENOENT" });
});
