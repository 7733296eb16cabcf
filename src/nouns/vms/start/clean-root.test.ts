import assert from "node:assert/strict";
import { test } from "node:test";
import type { Vm } from "../../../model/vm.ts";
import type { VmContext } from "../vm-context.ts";
import { wasCutOff, withCleanRoot } from "./clean-root.ts";

const AT = "2026-01-02T03:04:05Z";
const firstBoot = { install: "systemd", log: "/log" } as const;

/** VMs that are off, by what their records say of an installation, and whether it was cut off. */
const CASES: readonly (readonly [record: object, cutOff: boolean])[] = [
  [{}, false],
  [{ startedAt: AT }, false],
  [{ firstBoot }, false],
  [{ firstBoot, startedAt: AT }, true],
  [{ firstBoot: { ...firstBoot, doneAt: AT }, startedAt: AT }, false],
];

test("only a VM whose installation was begun and not ended gets a new root disk", async () => {
  const asked: string[] = [];
  const find = (of: string) => (id: string) => void asked.push(`${of} ${id}`);
  const context = { store: { images: { find: find("image") }, kernels: { find: find("kernel") } } };
  for (const [record, cutOff] of CASES) {
    const vm = { image: { id: "i" }, kernel: { id: "k" }, ...record } as unknown as Vm;
    assert.equal(wasCutOff(vm), cutOff, JSON.stringify(record));
    // Without its image there is no new disk to be had; it goes on with what it has.
    const operation = { signal: new AbortController().signal, progress: () => assert.fail("something was done") };
    assert.equal(await withCleanRoot(context as unknown as VmContext, vm, operation), vm);
  }
  assert.ok(asked.includes("image i"));
});
