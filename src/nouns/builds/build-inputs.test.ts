import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { buildKey, digestTree, packTree, readScript } from "./build-inputs.ts";

const signal = AbortSignal.timeout(30_000);

async function tree() {
  const path = await mkdtemp(join(tmpdir(), "banger-build-"));
  const top = join(path, "top");
  await mkdir(join(top, "sub"), { recursive: true });
  await writeFile(join(top, "a"), "one");
  await writeFile(join(top, "sub/b"), "two");
  await symlink("a", join(top, "link"));
  return { path, top, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test("a script is read whole, up to its bound, with its digest", async () => {
  await using made = await tree();
  const { path } = made;
  const script = join(path, "script");
  await writeFile(script, "abc");
  const { content, digest } = await readScript(script);
  assert.equal(content.toString(), "abc");
  assert.equal(digest, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  await truncate(script, 4 * 1024 ** 2);
  assert.equal((await readScript(script)).content.length, 4 * 1024 ** 2);
  await truncate(script, 4 * 1024 ** 2 + 1);
  await assert.rejects(readScript(script), { code: "FILE_UNREADABLE", why: /the limit is/ });
  await assert.rejects(readScript(`${script}x`), { code: "FILE_UNREADABLE", why: /ENOENT/ });
});

test("a tree's digest changes with names, kinds, modes, contents and links, and with nothing else", async () => {
  await using made = await tree();
  const { path, top } = made;
  const before = await digestTree(top, signal);
  assert.match(before, /^sha256:[0-9a-f]{64}$/);
  await utimes(join(top, "a"), 1, 1);
  await symlink(top, join(path, "elsewhere"));
  assert.equal(await digestTree(join(path, "elsewhere"), signal), before, "a link to it is the same");
  await rename(top, join(path, "moved"));
  assert.equal(await digestTree(join(path, "moved"), signal), before, "its own name is the copy's to give");
  await rename(join(path, "moved"), top);
  const seen = new Set([before]);
  for (const change of [
    () => writeFile(join(top, "a"), "uno"),
    () => chmod(join(top, "a"), 0o4755),
    () => chmod(join(top, "sub"), 0o700),
    () => rename(join(top, "sub/b"), join(top, "sub/c")),
    async () => (await rm(join(top, "link")), await symlink("sub", join(top, "link"))),
    () => mkdir(join(top, "empty")),
    async () => (await rm(join(top, "empty"), { recursive: true }), await writeFile(join(top, "empty"), "")),
  ]) {
    await change();
    const digest = await digestTree(top, signal);
    assert.ok(!seen.has(digest), String(change));
    seen.add(digest);
  }
});

test("what is neither file, folder nor link is named, and a digest that is given up ends", async () => {
  await using made = await tree();
  const { top } = made;
  await assert.rejects(digestTree(top, AbortSignal.abort(new Error("enough"))), /enough/);
  await assert.rejects(digestTree(join(top, "none"), signal), { code: "FILE_UNREADABLE", why: /ENOENT/ });
  spawnSync("mkfifo", [join(top, "fifo")]);
  await assert.rejects(digestTree(top, signal), { code: "FILE_UNREADABLE", why: /fifo is neither/ });
});

test("a tree is packed as root's, and a tar that fails says so", async () => {
  await using made = await tree();
  const { path, top } = made;
  const { archive, done } = await packTree(top, signal);
  const [packed] = await Promise.all([buffer(archive), done]);
  const listed = spawnSync("tar", ["-tv", "--numeric-owner"], { input: packed, encoding: "utf8" }).stdout;
  assert.deepEqual(listed.match(/(?<= )top.*$/gm)?.toSorted(), [
    "top/",
    "top/a",
    "top/link -> a",
    "top/sub/",
    "top/sub/b",
  ]);
  for (const line of listed.trim().split("\n")) assert.match(line, / 0\/0 /);
  await assert.rejects(packTree(join(path, "none"), signal), { code: "FILE_UNREADABLE" });
  await assert.rejects(packTree(top, AbortSignal.abort(new Error("enough"))), /enough/);
});

test("a build's key changes with each thing that decides what it makes, and not with the order of variables", () => {
  const parts = {
    base: "b",
    agentDigest: "a",
    scriptDigest: "s",
    copies: [{ target: "/t", digest: "d" }],
    env: { A: "1", B: "2" },
  };
  const key = buildKey(parts);
  assert.equal(buildKey({ ...parts, env: { B: "2", A: "1" }, sizeBytes: undefined }), key);
  const others = [
    { base: "c" },
    { agentDigest: "c" },
    { scriptDigest: "c" },
    { copies: [] },
    { copies: [{ target: "/u", digest: "d" }] },
    { env: { A: "2", B: "1" } },
    { env: {} },
    { sizeBytes: 1 },
  ].map((part) => buildKey({ ...parts, ...part }));
  assert.equal(new Set([key, ...others]).size, 9);
});
