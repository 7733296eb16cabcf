import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pruneDownloads } from "./prune-downloads.ts";

test("drops what was not used for a month, half downloads too, and nothing that is no download", async () => {
  const cacheDir = await mkdtemp(join(tmpdir(), "banger-prune-"));
  try {
    const now = new Date();
    const daysAgo = (days: number): Date => new Date(now.getTime() - days * 24 * 3600 * 1000);
    await mkdir(join(cacheDir, "sha256"));
    for (const [name, days] of [
      ["0".repeat(64), 31],
      [`.${"1".repeat(64)}.0123456789ab.tmp`, 40],
      [`${"2".repeat(64)}.partial`, 40],
      ["3".repeat(64), 29],
      ["4".repeat(64), 0],
      ["thesis", 400],
      [".hidden.tmp", 400],
    ] as const) {
      const path = join(cacheDir, "sha256", name);
      await writeFile(path, "x");
      await utimes(path, daysAgo(days), daysAgo(days));
    }
    // What is no file of ours keeps no pull from its end, either.
    for (const name of ["folder", "5".repeat(64)]) {
      await mkdir(join(cacheDir, "sha256", name));
      await utimes(join(cacheDir, "sha256", name), daysAgo(40), daysAgo(40));
    }
    await symlink("nowhere", join(cacheDir, "sha256", "6".repeat(64)));
    await pruneDownloads(cacheDir, now);
    assert.deepEqual((await readdir(join(cacheDir, "sha256"))).sort(), [
      ".hidden.tmp",
      "3".repeat(64),
      "4".repeat(64),
      "5".repeat(64),
      "6".repeat(64),
      "folder",
      "thesis",
    ]);
  } finally {
    await rm(cacheDir, { recursive: true });
  }
});
