import assert from "node:assert/strict";
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { findQemu } from "../../src/vmm/qemu/qemu-binary.ts";
import { createQemuDriver } from "../../src/vmm/qemu/qemu-driver.ts";
import { TinyGuest } from "../helpers/tiny-guest.ts";

const limit = (): AbortSignal => AbortSignal.timeout(60_000);

/** A QEMU that writes down each run of it, and its driver. */
async function noting(guest: TinyGuest, name: string, before: string) {
  const [qemuBin, log] = [join(guest.folder, name), join(guest.folder, `${name}.runs`)];
  const runs = `echo "$*" >>'${log}'`;
  await writeFile(qemuBin, `#!/bin/sh\n${runs}\n${before}\nexec ${await findQemu(undefined)} "$@"\n`);
  await chmod(qemuBin, 0o755);
  await writeFile(log, "");
  const driver = createQemuDriver({ accel: "tcg", qemuBin });
  return {
    start: async () => guest.own(await driver.start(await guest.spec("tick"), limit())),
    /** A start that QEMU refuses: the kernel is none. */
    async refusal() {
      const spec = await guest.spec("tick");
      return driver.start({ ...spec, kernel: { ...spec.kernel, path: qemuBin } }, limit());
    },
    runs: async () => (await readFile(log, "utf8")).split("\n").filter((line) => line !== ""),
  };
}

async function filtersOf(pid: number): Promise<string> {
  return /^Seccomp:\t(\d)$/m.exec(await readFile(`/proc/${pid}/status`, "latin1"))?.[1] ?? "";
}

test("QEMU runs with its system call filter, and is not asked for it beforehand", async () => {
  await using guest = await TinyGuest.make();
  const qemu = await noting(guest, "with", "");
  const machine = await qemu.start();
  assert.equal(await filtersOf(machine.record.pid), "2");
  assert.equal((await qemu.runs()).length, 1);
  await machine.kill();
  await assert.rejects(qemu.refusal(), { code: "VMM_FAILED" });
  await assert.rejects(qemu.refusal(), { code: "VMM_FAILED" });
  const [, first, asked, second, ...more] = await qemu.runs();
  assert.match(first ?? "", /-sandbox .*-kernel/);
  assert.match(asked ?? "", /^-sandbox \S+ -version$/, "one that does not start is asked, once");
  assert.match(second ?? "", /-sandbox .*-kernel/);
  assert.deepEqual(more, []);
});

test("a QEMU that was built without the filter runs without it, and is tried with it once", async () => {
  await using guest = await TinyGuest.make();
  const refuse = `case "$*" in *-sandbox*) echo "-sandbox: no such option" >&2; exit 1 ;; esac`;
  const qemu = await noting(guest, "without", refuse);
  for (const runs of [4, 5]) {
    const machine = await qemu.start();
    assert.equal(await filtersOf(machine.record.pid), "0");
    assert.equal((await qemu.runs()).length, runs);
    await machine.kill();
  }
});

test("one that does not run at all is not taken for one without the filter", async () => {
  await using guest = await TinyGuest.make();
  const broken = join(guest.folder, "broken");
  const qemu = await noting(guest, "mended", `[ ! -e '${broken}' ] || exit 1`);
  await writeFile(broken, "");
  await assert.rejects(qemu.start(), { code: "VMM_FAILED" });
  await rm(broken);
  assert.equal(await filtersOf((await qemu.start()).record.pid), "2");
});
