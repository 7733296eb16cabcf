import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { cpioArchive, type CpioEntry } from "./cpio.ts";

const hasCpio = spawnSync("cpio", ["--version"]).status === 0;
const judged = { skip: hasCpio ? false : "no cpio here to judge it" };

const ENTRIES: readonly CpioEntry[] = [
  { type: "directory", path: "dev", mode: 0o755 },
  { type: "char", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
  { type: "file", path: "init", mode: 0o755, content: Buffer.from("#!/bin/sh\n") },
  { type: "file", path: "empty", mode: 0o644, content: Buffer.alloc(0) },
  { type: "file", path: "odd-length", mode: 0o644, content: Buffer.from("12345") },
];

test("is listed by cpio as it was meant", judged, () => {
  const listing = execFileSync("cpio", ["-tvn"], {
    input: Buffer.concat(cpioArchive(ENTRIES)),
    env: { ...process.env, TZ: "UTC", LC_ALL: "C" },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const lines = listing
    .toString()
    .trim()
    .split("\n")
    .map((line) => line.replace(/\s+/g, " "));
  assert.deepEqual(lines, [
    "drwxr-xr-x 2 0 0 0 Jan 1 1970 dev",
    "crw------- 1 0 0 5, 1 Jan 1 1970 dev/console",
    "-rwxr-xr-x 1 0 0 10 Jan 1 1970 init",
    "-rw-r--r-- 1 0 0 0 Jan 1 1970 empty",
    "-rw-r--r-- 1 0 0 5 Jan 1 1970 odd-length",
  ]);
});

test("is unpacked by cpio", judged, async () => {
  const dir = await mkdtemp(join(tmpdir(), "banger-cpio-"));
  try {
    const plain = ENTRIES.filter((entry) => entry.type !== "char");
    execFileSync("cpio", ["-id", "--quiet"], { input: Buffer.concat(cpioArchive(plain)), cwd: dir });
    assert.equal(await readFile(join(dir, "odd-length"), "utf8"), "12345");
    assert.equal((await stat(join(dir, "init"))).mode & 0o777, 0o755);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test("is refused by cpio when it is damaged: the judge does judge", judged, () => {
  const archive = Buffer.concat(cpioArchive(ENTRIES));
  archive.fill(0x78, 110, 124);
  const { status, stderr } = spawnSync("cpio", ["-tv"], { input: archive.subarray(0, -200) });
  assert.ok(status !== 0 || stderr.includes("malformed"), stderr.toString());
});

test("is the same for the same entries, and a multiple of 4 bytes, so that another may follow", () => {
  const archive = Buffer.concat(cpioArchive(ENTRIES));
  assert.deepEqual(Buffer.concat(cpioArchive(ENTRIES)), archive);
  assert.equal(archive.length % 4, 0);
});
