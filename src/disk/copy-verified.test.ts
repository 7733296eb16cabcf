import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { copyVerified } from "./copy-verified.ts";

const KIB = 1024;
const MIB = 1024 ** 2;
const signal = AbortSignal.timeout(60_000);

async function scratch(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "banger-copy-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

const sha256 = (content: Uint8Array): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;

/** A file with data at its beginning, in its middle and at its end, of odd lengths; zeros between them. */
function holey(size: number): Buffer {
  const content = Buffer.alloc(size);
  content.fill("a", 0, 70 * KIB + 1);
  content.fill("b", Math.floor(size / 2), Math.floor(size / 2) + 130 * KIB);
  content.fill("c", size - 3);
  return content;
}

for (const size of [0, 1, 64 * KIB, 3 * MIB + 5, 9 * MIB + 1]) {
  test(`a copy of ${size} bytes is the same, its owner's alone, and told by its digest`, async () => {
    await using folder = await scratch();
    const [source, target] = [join(folder.path, "a"), join(folder.path, "b")];
    const content = size < MIB ? Buffer.alloc(size, "x") : holey(size);
    await writeFile(source, content);
    const told: number[] = [];
    const copy = await copyVerified(source, target, { signal, onProgress: (done) => told.push(done) });
    assert.equal(copy.sha256, sha256(content));
    assert.ok((await readFile(target)).equals(content));
    assert.equal((await stat(target)).mode & 0o777, 0o600);
    assert.equal(told.at(-1) ?? 0, size);
    assert.deepEqual(
      told,
      told.toSorted((a, b) => a - b),
    );
    assert.ok(
      told.every((done, n) => done - (told[n - 1] ?? 0) <= 4 * MIB),
      "progress is told often",
    );
  });
}

test("holes stay holes, at the end as well", async () => {
  await using folder = await scratch();
  const [source, target] = [join(folder.path, "a"), join(folder.path, "b")];
  await writeFile(source, "x");
  await truncate(source, 40 * MIB);
  const { sha256: digest } = await copyVerified(source, target, { signal });
  const { size, blocks } = await stat(target);
  assert.equal(size, 40 * MIB);
  assert.ok(blocks * 512 < MIB, `${blocks} blocks are taken`);
  const content = Buffer.alloc(40 * MIB);
  content.write("x");
  assert.equal(digest, sha256(content));
});

test("zeros that were called data take no room either", async () => {
  await using folder = await scratch();
  const [source, target] = [join(folder.path, "a"), join(folder.path, "b")];
  const content = Buffer.alloc(2 * MIB);
  content.fill("y", MIB, MIB + 10);
  await writeFile(source, content);
  const all = async (): Promise<number[]> => [0, 2 * MIB];
  const { way } = await copyVerified(source, target, { signal, findData: all });
  assert.ok((await readFile(target)).equals(content));
  if (way === "copy") assert.ok((await stat(target)).blocks * 512 <= 128 * KIB);
});

/** Copies with a finder that answers for the copy what `ofCopy` says. */
async function copyWith(ofCopy: (target: string) => Promise<number[]>): Promise<readonly string[]> {
  await using folder = await scratch();
  const [source, target] = [join(folder.path, "a"), join(folder.path, "b")];
  await writeFile(source, Buffer.alloc(2 * MIB, "x"));
  const parts = [0, MIB, MIB, MIB];
  const findData = async (path: string): Promise<number[]> => (path === source ? parts : ofCopy(target));
  await assert.rejects(copyVerified(source, target, { signal, findData }), { code: "DIGEST_MISMATCH" });
  return await readdir(folder.path);
}

test("a copy that reads back as something else is refused, and nothing of it is left", async () => {
  const same = [0, MIB, MIB, MIB];
  const damaged = [
    async (target: string) => (await writeFile(target, "y", { flag: "r+" }), same),
    async (target: string) => (await truncate(target, 2 * MIB - 1), same),
    async (target: string) => (await truncate(target, 3 * MIB), same),
    async () => [0, MIB],
    async () => [0, MIB, MIB, MIB - 1],
    async () => [...same, 3 * MIB, 1],
  ];
  for (const [n, damage] of damaged.entries()) assert.deepEqual(await copyWith(damage), ["a"], `damage ${n}`);
});

test("what is there is not written over, and what is not there cannot be copied", async () => {
  await using folder = await scratch();
  const [source, target] = [join(folder.path, "a"), join(folder.path, "b")];
  await writeFile(source, "new");
  await writeFile(target, "old");
  await assert.rejects(copyVerified(source, target, { signal }), { code: "EEXIST" });
  assert.equal(await readFile(target, "utf8"), "old");
  await assert.rejects(copyVerified(join(folder.path, "none"), join(folder.path, "c"), { signal }), { code: "ENOENT" });
  assert.deepEqual(await readdir(folder.path), ["a", "b"]);
});

test("a copy is given up in the middle of data and of a hole, and nothing of it is left", async () => {
  for (const size of [12 * MIB, 0]) {
    await using folder = await scratch();
    const [source, target] = [join(folder.path, "a"), join(folder.path, "b")];
    await writeFile(source, Buffer.alloc(size, "x"));
    await truncate(source, 40 * MIB);
    const giveUp = new AbortController();
    const reason = new Error("enough");
    const parts = async (): Promise<number[]> => (size === 0 ? [] : [0, size]);
    const copying = copyVerified(source, target, {
      signal: giveUp.signal,
      findData: parts,
      onProgress: (done) => {
        assert.ok(done <= 4 * MIB, "nothing more is done");
        giveUp.abort(reason);
      },
    });
    await assert.rejects(copying, reason);
    assert.deepEqual(await readdir(folder.path), ["a"]);
  }
});
