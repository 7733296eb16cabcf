import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pruneDownloads } from "./prune-downloads.ts";

test("drops what was not used for a month, half downloads too", async () => {
  const cacheDir = await mkdtemp(join(tmpdir(), "banger-prune-"));
  try {
    const now = new Date();
    const daysAgo = (days: number): Date => new Date(now.getTime() - days * 24 * 3600 * 1000);
    await mkdir(join(cacheDir, "sha256"));
    for (const [name, days] of [
      ["old", 31],
      [".half.tmp", 40],
      ["recent", 29],
      ["new", 0],
    ] as const) {
      const path = join(cacheDir, "sha256", name);
      await writeFile(path, "x");
      await utimes(path, daysAgo(days), daysAgo(days));
    }
    await pruneDownloads(cacheDir, now);
    assert.deepEqual((await readdir(join(cacheDir, "sha256"))).sort(), ["new", "recent"]);
  } finally {
    await rm(cacheDir, { recursive: true });
  }
});
