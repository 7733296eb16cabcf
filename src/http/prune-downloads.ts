import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { removeFile } from "../lib/destroy.ts";
import { hasErrno } from "../lib/errors.ts";

/** Debian's point releases come every two or three months, security fixes of the kernel every two or three weeks. */
const KEEP_MS = 30 * 24 * 3600 * 1000;

/** A file by its sum, one of a catalog that is on its way, and one of Debian's under its temporary name. */
const DOWNLOAD = /^(?:[0-9a-f]{64}(?:\.partial)?|\.[0-9a-f]{64}\.[0-9a-f]{12}\.tmp)$/;

/**
 * Drops downloads that nothing asked for in a month: old indices and packages, and what a killed process left half done.
 * A download's time of modification is when it was last used.
 */
export async function pruneDownloads(cacheDir: string, now: Date): Promise<void> {
  const dir = join(cacheDir, "sha256");
  for (const name of await readdir(dir)) {
    if (!DOWNLOAD.test(name)) continue;
    const path = join(dir, name);
    try {
      const found = await lstat(path);
      if (!found.isFile() || found.mtimeMs >= now.getTime() - KEEP_MS) continue;
      await removeFile(path, "a download in the cache by its name, which nothing asked for in a month");
    } catch (error) {
      // Another pull does the same.
      if (!hasErrno(error, "ENOENT")) throw error;
    }
  }
}
