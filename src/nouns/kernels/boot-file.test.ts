import assert from "node:assert/strict";
import { test } from "node:test";
import { bootFile } from "./kernel-verbs.ts";

const files = { image: { path: "vmlinux", format: "elf" }, vmlinux: "vmlinux" } as const;

test("an ELF kernel that lacks only the note for PVH still finds virtio-mmio", () => {
  const { microvm, mmioElf } = bootFile({ files, abilities: { pvh: false, virtioMmioCmdline: true } });
  assert.deepEqual({ microvm, mmioElf }, { microvm: false, mmioElf: true });
  assert.deepEqual(bootFile({ files, abilities: { pvh: true, virtioMmioCmdline: true } }).microvm, true);
  assert.equal(bootFile({ files, abilities: { pvh: true, virtioMmioCmdline: false } }).mmioElf, false);
});

test("a bzImage is no ELF, unless the file inside it is kept and can be entered by PVH", () => {
  const packed = { image: { path: "bzImage", format: "bzImage" }, vmlinux: "vmlinux" } as const;
  assert.equal(bootFile({ files: packed, abilities: { pvh: true, virtioMmioCmdline: true } }).path, "vmlinux");
  assert.equal(bootFile({ files: packed, abilities: { pvh: false, virtioMmioCmdline: true } }).mmioElf, false);
});
