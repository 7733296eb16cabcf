import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { access, chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findExecutable } from "../lib/find-executable.ts";
import { KVM_PROBE_GUEST, KVM_PROBE_STEPS } from "./kvm-probe-guest.ts";
import { describeRun, kvmProbeKey, probeAccel, probeKvm } from "./probe-kvm.ts";

const QEMU = await findExecutable("qemu-system-x86_64");
const needsQemu = { skip: QEMU === undefined ? "no QEMU" : false };
const needsBinutils = { skip: (await findExecutable("ld")) === undefined ? "no binutils" : false };

/** Under TCG on a busy host. */
const PATIENCE_MS = 20_000;

test("the guest runs to its end where the processor is emulated", needsQemu, async () => {
  const run = await probeAccel(QEMU ?? "", "tcg", PATIENCE_MS);
  assert.deepEqual(run, { finished: true, lastStep: "X", said: "" });
  assert.equal(describeRun(run).works, true);
});

test("a QEMU that never ends is given up, and leaves no process", needsQemu, async () => {
  const folder = await mkdtemp(join(tmpdir(), "probe-test-"));
  try {
    const hanging = join(folder, "qemu");
    await writeFile(hanging, `#!/bin/sh\necho $$ > ${folder}/pid\nexec sleep 60\n`);
    await chmod(hanging, 0o755);
    const run = await probeAccel(hanging, "kvm", 200);
    assert.equal(run.finished, false);
    assert.match(describeRun(run).summary, /opens but does not run a guest: it never began/);
    const pid = execFileSync("cat", [join(folder, "pid")], { encoding: "utf8" }).trim();
    await assert.rejects(access(`/proc/${pid}`), { code: "ENOENT" });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a guest that stops half-way is told with the step", () => {
  const { works, summary, stoppedAt } = describeRun({ finished: false, lastStep: "E", said: "KVM internal error" });
  assert.equal(works, false);
  assert.equal(stoppedAt, "exceptions");
  assert.equal(summary, "KVM opens but does not run a guest: it stopped at exceptions (QEMU: KVM internal error)");
});

test("the probe of this host ends within its limit, and its key holds", needsQemu, async () => {
  const before = (await readdir(tmpdir())).filter((name) => name.startsWith("banger-kvm-probe-"));
  const probe = await probeKvm({});
  assert.ok(probe.tookMs < 10_000, `${probe.tookMs} ms`);
  assert.equal(probe.key, await kvmProbeKey({}));
  assert.notEqual(probe.key, await kvmProbeKey({ searchPath: "/nonexistent" }));
  assert.equal(probe.works, probe.summary === "KVM runs guests");
  const after = (await readdir(tmpdir())).filter((name) => name.startsWith("banger-kvm-probe-"));
  assert.deepEqual(after, before);
});

test("the bytes are what the source says", needsBinutils, () => {
  const script = join(import.meta.dirname, "../../scripts/make-kvm-probe.sh");
  const assembled = Buffer.from(execFileSync(script, { encoding: "utf8" }), "base64");
  assert.deepEqual(KVM_PROBE_GUEST, assembled);
});

test("every step of the source has its words", () => {
  const source = execFileSync("cat", [join(import.meta.dirname, "kvm-probe-guest.S")], { encoding: "utf8" });
  const letters = [...source.matchAll(/^\s+step\s+'(.)'/gm)].map(([, letter]) => letter);
  assert.deepEqual(letters, Object.keys(KVM_PROBE_STEPS));
});
