import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { CACHE } from "./test-images.ts";

const exec = promisify(execFile);
/** The one that needs no AVX2: an emulated CPU may lack it. */
const PACKAGE = "opencode-linux-x64-baseline";
const VERSION = "1.18.33";

/** The opencode program as npm has it, fetched once and kept in the user's cache. */
export async function opencodeProgram(): Promise<string> {
  const kept = join(CACHE, "opencode", VERSION);
  const program = join(kept, "package/bin/opencode");
  if (await stat(program).catch(() => undefined)) return program;
  await mkdir(join(CACHE, "opencode"), { recursive: true });
  const work = await mkdtemp(join(CACHE, "opencode", ".fetching-"));
  try {
    // npm holds what it packs against the digest that its registry names.
    await exec("npm", ["pack", "--silent", "--pack-destination", work, `${PACKAGE}@${VERSION}`]);
    await exec("tar", ["-C", work, "-xzf", join(work, `${PACKAGE}-${VERSION}.tgz`)]);
    await rm(join(work, `${PACKAGE}-${VERSION}.tgz`));
    // Another run may have been quicker: then its program is the one.
    await rename(work, kept).catch(() => undefined);
    return program;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
