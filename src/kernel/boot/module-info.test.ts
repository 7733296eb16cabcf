import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { buildElf, buildModule } from "../../../test/helpers/elf-builder.ts";
import { BangerError } from "../../lib/errors.ts";
import { moduleNameOfFile, parseModuleInfo } from "./module-info.ts";

const VERMAGIC = "6.1.0-56-cloud-amd64 SMP preempt mod_unload modversions ";

test("reads what a module says about itself", () => {
  const module = buildModule({
    license: "GPL",
    depends: "virtio,virtio-ring",
    softdep: "pre: crc32c aes-generic post: late",
    name: "ext-4",
    vermagic: VERMAGIC,
  });
  assert.deepEqual(parseModuleInfo(module, "/m/ext4.ko"), {
    name: "ext_4",
    depends: ["virtio", "virtio_ring"],
    softDepends: ["crc32c", "aes_generic"],
    release: "6.1.0-56-cloud-amd64",
  });
});

test("takes the name from the file where the module says none, and depends on nothing by saying so", () => {
  const info = parseModuleInfo(buildModule({ depends: "" }), "/m/virtio-rng.ko.xz");
  assert.deepEqual(info, { name: "virtio_rng", depends: [], softDepends: [], release: undefined });
});

test("knows modules by the names of their files", () => {
  assert.equal(moduleNameOfFile("virtio-rng.ko"), "virtio_rng");
  assert.equal(moduleNameOfFile("ext4.ko.zst"), "ext4");
  assert.equal(moduleNameOfFile("modules.dep"), undefined);
  assert.equal(moduleNameOfFile("ext4.ko.bak"), undefined);
});

test("refuses what is no module, and never fails otherwise", () => {
  const invalid = { code: "KERNEL_INVALID" };
  assert.throws(() => parseModuleInfo(Buffer.from("text"), "/m/x.ko"), invalid);
  assert.throws(() => parseModuleInfo(buildElf({ sections: { ".text": Buffer.alloc(4) } }), "/m/x.ko"), invalid);
  const good = buildModule({ name: "x", vermagic: VERMAGIC });
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, length) => {
      const damaged = Buffer.from(good.subarray(0, length));
      if (at < length) damaged[at] = byte;
      try {
        parseModuleInfo(damaged, "/m/x.ko");
      } catch (error) {
        assert.ok(error instanceof BangerError && error.code === "KERNEL_INVALID", String(error));
      }
    }),
    { numRuns: Number(process.env["FUZZ_RUNS"] ?? 500) },
  );
});
