import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, watch } from "node:fs";
import { mkdtemp, open, readdir, rm, stat, statfs, truncate, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { applyClone } from "../../src/disk/apply-clone.ts";
import { type BaseDisk, type ClonePlan, planClone } from "../../src/disk/clone-plan.ts";
import { canReflink, probeCloneAbilities } from "../../src/disk/probe-clone.ts";
import { bytes, type Bytes, gib, mib } from "../../src/lib/bytes.ts";
import type { DiskStrategy } from "../../src/model/vm.ts";
import { expectCode } from "../helpers/expect-code.ts";
import { mountFresh, needsRoot } from "../helpers/loop-mount.ts";

const signal = new AbortController().signal;
const ALL_FORMATS = new Set(["raw", "qcow2"] as const);
const WORD = "the base's own word";
const WORD_AT = 4096;

/** A folder of its own with a base disk in it that holds one word. */
async function baseDisk(sizeBytes: Bytes, parent = tmpdir()): Promise<AsyncDisposable & BaseDisk & { folder: string }> {
  const folder = await mkdtemp(join(parent, "bh-disk-"));
  const path = join(folder, "base");
  const file = await open(path, "wx");
  await file.write(WORD, WORD_AT);
  await file.close();
  await truncate(path, sizeBytes);
  return {
    folder,
    path,
    sizeBytes,
    usedBytes: bytes((await stat(path)).blocks * 512),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

async function plan(
  base: BaseDisk,
  target: string,
  wanted: DiskStrategy,
  sizeBytes = base.sizeBytes,
): Promise<ClonePlan> {
  const able = await probeCloneAbilities(join(target, ".."), ALL_FORMATS, { wanted });
  return planClone(base, target, sizeBytes, able, wanted);
}

/** The base grown by half and cloned twice: each clone is written to and sees nothing of the other, the base neither. */
async function checkClones(strategy: DiskStrategy, parent?: string): Promise<void> {
  await using base = await baseDisk(mib(64), parent);
  const before = await sha256(base.path);
  const grown = bytes(base.sizeBytes * 1.5);
  const [one, two] = [
    await plan(base, join(base.folder, "one"), strategy, grown),
    await plan(base, join(base.folder, "two"), strategy, grown),
  ];
  for (const clone of [one, two]) {
    assert.equal(clone.strategy, strategy);
    await applyClone(clone, { signal });
    assert.equal((await stat(clone.target)).mode & 0o777, 0o600);
  }
  qemuIo(one, "write -P 1 0 512");
  qemuIo(two, "write -P 2 0 512");
  qemuIo(one, "read -P 1 0 512");
  qemuIo(two, "read -P 2 0 512");
  assert.throws(() => qemuIo(two, "read -P 1 0 512"), "the judge would not have noticed");
  for (const clone of [one, two]) {
    qemuIo(clone, `read -P ${WORD.charCodeAt(0)} ${WORD_AT} 1`);
    qemuIo(clone, `read -P 0 ${base.sizeBytes} 4096`);
    qemuIo(clone, `write -P 3 ${grown - 512} 512`);
    assert.ok((await stat(clone.target)).blocks * 512 < mib(8), "a sparse disk stays sparse");
  }
  assert.equal(await sha256(base.path), before);
}

/** Reads or writes as QEMU would; throws where a pattern is not what is there. */
function qemuIo({ target, format }: ClonePlan, command: string): void {
  const said = execFileSync("qemu-io", ["-f", format, "-c", command, target], { encoding: "utf8" });
  if (/failed|error/i.test(said)) throw new Error(said);
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 22 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

suite("clones of one base are apart", () => {
  test("qcow2 overlays", () => checkClones("qcow2"));
  test("sparse copies", () => checkClones("sparse-copy"));
  for (const type of ["xfs", "btrfs"] as const) {
    test(`reflinks, on ${type}`, { skip: needsRoot }, async () => {
      await using mounted = await mountFresh(type, "512M");
      assert.equal(await canReflink(mounted.path), true);
      await checkClones("reflink", mounted.path);
      const able = await probeCloneAbilities(mounted.path, new Set(["raw"] as const));
      assert.equal(able.lacks.reflink, undefined, "what a VMM that reads raw disks only is given, too");
    });
  }
});

test("a sparse copy of 64 GiB takes what is in it, and no time", async () => {
  await using base = await baseDisk(gib(64));
  await writeFile(base.path, Buffer.alloc(mib(3), 7), { flag: "r+" });
  const clone = await plan(base, join(base.folder, "copy"), "sparse-copy");
  await applyClone(clone, { signal });
  const { size, blocks } = await stat(clone.target);
  assert.equal(size, gib(64));
  assert.ok(blocks * 512 <= mib(4), `${blocks * 512} bytes are allocated`);
  qemuIo(clone, `read -P 7 0 ${mib(3)}`);
  qemuIo(clone, `read -P 0 ${gib(64) - mib(1)} ${mib(1)}`);
});

suite("a clone that fails leaves nothing", () => {
  for (const strategy of ["qcow2", "sparse-copy", "reflink"] as const) {
    const skip = strategy === "reflink" && needsRoot;

    test(`${strategy}: a base that is gone`, { skip }, async () => {
      await using mounted = strategy === "reflink" ? await mountFresh("xfs", "512M") : undefined;
      await using base = await baseDisk(mib(1), mounted?.path);
      const clone = await plan(base, join(base.folder, "target"), strategy);
      await rm(base.path);
      await expectCode(applyClone(clone, { signal }), "FILE_UNREADABLE", /cannot be read/);
      assert.deepEqual(await readdir(base.folder), []);
    });

    test(`${strategy}: what is at its target already stays`, { skip }, async () => {
      await using mounted = strategy === "reflink" ? await mountFresh("xfs", "512M") : undefined;
      await using base = await baseDisk(mib(1), mounted?.path);
      const clone = await plan(base, join(base.folder, "target"), strategy);
      await writeFile(clone.target, "somebody's own");
      await assert.rejects(applyClone(clone, { signal }), { code: "EEXIST" });
      assert.equal((await stat(clone.target)).size, 14);
    });

    test(`${strategy}: cancelled before it begins`, { skip }, async () => {
      await using mounted = strategy === "reflink" ? await mountFresh("xfs", "512M") : undefined;
      await using base = await baseDisk(mib(1), mounted?.path);
      const clone = await plan(base, join(base.folder, "target"), strategy);
      await assert.rejects(applyClone(clone, { signal: AbortSignal.abort() }), { name: "AbortError" });
      assert.deepEqual(await readdir(base.folder), ["base"]);
    });
  }

  test("a copy that is cancelled half-way", async () => {
    await using base = await baseDisk(mib(600));
    await writeFile(base.path, Buffer.alloc(mib(600), 7));
    const clone = await plan(base, join(base.folder, "target"), "sparse-copy");
    const own = new AbortController();
    const watcher = watch(base.folder);
    const written = once(watcher, "change");
    const copying = applyClone(clone, { signal: own.signal });
    await written;
    watcher.close();
    own.abort();
    await assert.rejects(copying, { name: "AbortError" });
    assert.deepEqual(await readdir(base.folder), ["base"]);
  });

  test("a disk that becomes full half-way", { skip: needsRoot }, async () => {
    await using small = await mountFresh("ext4", "16M");
    await using base = await baseDisk(mib(64));
    await writeFile(base.path, Buffer.alloc(mib(40), 7));
    const { bavail: before } = await statfs(small.path);
    // The space was there when it was asked for, and somebody else was quicker.
    const able = { lacks: { reflink: "no" }, freeBytes: gib(1), formats: ALL_FORMATS };
    const measured = { ...base, usedBytes: mib(40) };
    const clone = planClone(measured, join(small.path, "target"), base.sizeBytes, able, "sparse-copy");
    await expectCode(applyClone(clone, { signal }), "DISK_FULL", /became full/);
    assert.deepEqual(await readdir(small.path), ["lost+found"]);
    assert.equal((await statfs(small.path)).bavail, before);
  });

  test("a disk that has no room for an overlay", { skip: needsRoot }, async () => {
    await using small = await mountFresh("ext4", "16M");
    await using base = await baseDisk(mib(1));
    const filler = await open(join(small.path, "filler"), "wx");
    await assert.rejects(
      async () => {
        for (;;) await filler.write(Buffer.alloc(4096, 7));
      },
      { code: "ENOSPC" },
    );
    await filler.close();
    const clone = join(small.path, "target");
    await assert.rejects(plan(base, clone, "qcow2"), { code: "DISK_FULL" });
    const able = { lacks: {}, freeBytes: gib(1), formats: ALL_FORMATS };
    await assert.rejects(applyClone(planClone(base, clone, mib(1), able, "qcow2"), { signal }), { code: "ENOSPC" });
    await assert.rejects(stat(clone), { code: "ENOENT" });
  });
});
