import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Image } from "../../../model/image.ts";
import type { Kernel } from "../../../model/kernel.ts";
import { layoutFrom } from "../../../model/layout.ts";
import type { Vm, VmDisk } from "../../../model/vm.ts";
import type { VmContext } from "../vm-context.ts";
import { checkBase } from "./create-vm.ts";
import { dropForeignDisks, planRebase } from "./rebase-vm.ts";

const disk = (path: string): VmDisk => ({
  id: "root",
  path,
  format: "raw",
  strategy: "reflink",
  sizeBytes: 1,
  device: "/dev/vda",
});

test("only root disks that the VM does not name are removed", async () => {
  const home = await mkdtemp(join(tmpdir(), "rebase-"));
  try {
    const layout = layoutFrom({ HOME: home });
    const folder = join(layout.vmsDir, "vm-1");
    await mkdir(folder, { recursive: true });
    const names = ["console.log", "root", "root-0123abcd", "root-notes.txt", "work"];
    for (const name of names) await writeFile(join(folder, name), "");
    const vm = { id: "vm-1", disks: [disk(join(folder, "root-0123abcd"))] } as unknown as Vm;
    for (let turn = 0; turn < 2; turn += 1) {
      await dropForeignDisks({ layout }, vm);
      assert.deepEqual(
        (await readdir(folder)).toSorted(),
        names.filter((name) => name !== "root"),
      );
    }
    // As before the data was moved, and a link left in its old place.
    await dropForeignDisks({ layout }, { ...vm, disks: [disk("/elsewhere/vms/vm-1/root-0123abcd")] });
    assert.ok((await readdir(folder)).includes("root-0123abcd"), "its only disk");
    await dropForeignDisks({ layout }, { ...vm, id: "vm-none" });
  } finally {
    await rm(home, { recursive: true });
  }
});

test("a disk whose base the image has left is refused", () => {
  const image = { id: "img-1", name: "debian", rootfs: { path: "/new" } } as unknown as Image;
  const store = (found: Image | undefined) => ({ store: { images: { find: () => found } } }) as unknown as VmContext;
  const over = (path: string): VmDisk => ({ ...disk("/vm/root"), base: { path, sizeBytes: 1 } });
  checkBase(store(image), image, over("/new"));
  checkBase(store(undefined), image, disk("/vm/root"));
  assert.throws(() => checkBase(store(image), image, over("/old")), { code: "IMAGE_FILES_CHANGED" });
  assert.throws(() => checkBase(store(undefined), image, over("/new")), { code: "IMAGE_FILES_CHANGED" });
});

test("an init that was installed on the old disk is installed on the new one, where that has none", () => {
  const kernel = { id: "krn-1", name: "k" } as unknown as Kernel;
  const image = (init: string, osId = "debian") =>
    ({ id: "img-2", name: "new", config: {}, rootfs: { sizeBytes: 1 }, system: { init, osId } }) as unknown as Image;
  const vm = (init: string, nat = true) =>
    ({
      spec: { init, nat },
      firstBoot: { install: "systemd", log: "/log", doneAt: "2026-01-02T03:04:05Z" },
    }) as unknown as Vm;
  const again = { install: "systemd", log: "/log" };
  assert.deepEqual(planRebase(vm("systemd"), image("none"), kernel, "/log").firstBoot, again);
  assert.equal(planRebase(vm("systemd"), image("systemd"), kernel, "/log").firstBoot, undefined);
  assert.equal(planRebase(vm("auto"), image("none"), kernel, "/log").firstBoot, undefined);
  assert.throws(() => planRebase(vm("systemd", false), image("none"), kernel, "/log"), { code: "VM_SPEC_INVALID" });
  assert.throws(() => planRebase(vm("systemd"), image("none", "plan9"), kernel, "/log"), { code: "GUEST_UNSUPPORTED" });
});
