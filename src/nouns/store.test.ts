import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { kernelSchema } from "../model/kernel.ts";
import { layoutFrom } from "../model/layout.ts";
import { readDescription } from "../core/descriptions.ts";
import { writeInstance } from "../store/instance-row.ts";
import { storeWith, type Store as AnyStore } from "../core/store.ts";
import { openStore, type Store } from "./store.ts";

const kernel = kernelSchema.parse({
  id: "krn-0123456789abcdef",
  name: "k",
  createdAt: "2026-01-02T03:04:05Z",
  arch: "amd64",
  release: "6.12.0",
  source: { kind: "import", vmlinux: "/k" },
  files: { image: { path: "vmlinuz", format: "bzImage" } },
  abilities: { pvh: true, virtioMmioCmdline: true },
  sizeBytes: 1,
});

test("what is written is told beside the object's files, once it is done", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "store-"));
  t.after(() => rm(home, { recursive: true }));
  const layout = layoutFrom({ HOME: home, XDG_RUNTIME_DIR: home });
  const failures: string[] = [];
  using store = openStore(join(home, "banger.db"), { layout, onFailure: (_error, id) => failures.push(id) });
  writeInstance(store.database, "ins-0123456789abcdef");
  const folder = join(layout.kernelsDir, kernel.id);
  const told = () => readDescription(join(folder, "kernel.json"));

  store.kernels.insert(kernel);
  assert.deepEqual(told(), { banger: 1, instance: "ins-0123456789abcdef", revision: 1, object: kernel });
  assert.equal((await stat(join(folder, "kernel.json"))).mode & 0o777, 0o600);
  store.atomically(() => {
    store.kernels.transition(kernel.id, "renamed", { name: "renamed" });
    assert.equal(told().revision, 1, "nothing is told before it is done");
    store.kernels.transition(kernel.id, "renamed", { name: "again" });
  });
  assert.deepEqual(told(), { ...told(), revision: 3, object: { ...kernel, name: "again" } });
  assert.throws(() =>
    store.atomically(() => {
      store.kernels.transition(kernel.id, "renamed", { name: "undone" });
      throw new Error("no");
    }),
  );
  assert.deepEqual([told().revision, store.instance().revision], [3, 3], "what is undone is not told");

  await rm(folder, { recursive: true });
  store.kernels.transition(kernel.id, "renamed", { name: "going" });
  assert.deepEqual(await readdir(layout.kernelsDir), [], "a folder that goes is not made again");
  store.describeAll();
  assert.equal(told().revision, 4);
  store.kernels.transition(kernel.id, "renamed", { name: kernel.name });
  const before = await stat(join(folder, "kernel.json"));
  store.describeAll();
  assert.equal((await stat(join(folder, "kernel.json"))).ino, before.ino, "what is told already is not written again");
  assert.deepEqual(failures, []);
});

test("a noun whose rows are not there is told so, and one whose are gets the same store", () => {
  using opened = openStore(":memory:");
  const store = opened as unknown as AnyStore;
  assert.equal(storeWith<Store>(store, "kernels", "vms"), store);
  const { vms: _vms, ...without } = store;
  assert.throws(() => storeWith<Store>(without, "kernels", "vms"), /the store has no vms/);
});
