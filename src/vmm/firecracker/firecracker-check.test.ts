import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "../../lib/errors.ts";
import type { VmmChoice } from "../../model/vm.ts";
import { describeChoice, firecrackerCheck } from "./firecracker-check.ts";

const broken = { works: false, summary: "KVM opens but does not run a guest" };
const working = { works: true, summary: "KVM runs guests" };

test("which VMM runs VMs, and why, is said in words", () => {
  const usable = { usable: true, summary: "Firecracker 1.16.1 at /bin/firecracker" };
  const absent = { usable: false, summary: "firecracker is not installed" };
  const look = (configured: VmmChoice, kvmWorks: boolean, firecracker: typeof usable) => {
    const { result, summary, fix } = describeChoice({
      ...firecracker,
      configured,
      kvm: kvmWorks ? working : broken,
      others: [{ name: "qemu", title: "QEMU" }],
    });
    return [result, summary, fix !== undefined];
  };
  assert.deepEqual(look("auto", true, usable), [
    "ok",
    "Firecracker 1.16.1 at /bin/firecracker; QEMU for what it cannot do",
    false,
  ]);
  assert.deepEqual(look("auto", true, absent), ["warn", "QEMU, since firecracker is not installed", true]);
  assert.deepEqual(look("auto", false, usable), [
    "ok",
    "QEMU; Firecracker 1.16.1 at /bin/firecracker needs KVM to run guests: KVM opens but does not run a guest",
    false,
  ]);
  assert.deepEqual(look("auto", false, absent), [
    "ok",
    "QEMU; firecracker is not installed, and it would need KVM: KVM opens but does not run a guest",
    false,
  ]);
  assert.deepEqual(look("qemu", true, usable), ["ok", "QEMU, as the configuration says", false]);
  assert.equal(look("firecracker", true, absent)[0], "warn");
  assert.equal(look("firecracker", false, usable)[0], "warn");
  assert.equal(look("firecracker", true, usable)[0], "ok");
});

test("why it is not to be had is said", async () => {
  const missing = new BangerError("TOOL_MISSING", { what: "it is not there", why: "nobody put it there", fix: "do" });
  const host = { configured: "auto", kvm: async () => working, others: [] } as const;
  const { result, summary } = await firecrackerCheck(() => Promise.reject(missing), host).look(
    AbortSignal.timeout(5_000),
  );
  assert.deepEqual([result, summary], ["warn", "no VMM, since it is not there: nobody put it there"]);
});
