import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why a test that mounts has to be skipped; false where it can run. */
export const needsRoot = process.getuid?.() === 0 ? false : "mounting a file system needs root";

const MAKE: Readonly<Record<"xfs" | "btrfs" | "ext4", readonly string[]>> = {
  xfs: ["mkfs.xfs", "-q"],
  btrfs: ["mkfs.btrfs", "-q"],
  ext4: ["mkfs.ext4", "-q", "-F", "-m", "0"],
};

/** A fresh file system in a file, mounted until it is disposed of. */
export async function mountFresh(
  type: keyof typeof MAKE,
  size: string,
): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), `bh-${type}-`));
  const image = join(folder, "image");
  const path = join(folder, "mnt");
  await mkdir(path);
  execFileSync("truncate", ["-s", size, image]);
  const [tool = "", ...args] = MAKE[type];
  execFileSync(tool, [...args, image]);
  execFileSync("mount", ["-o", "loop", image, path]);
  return {
    path,
    async [Symbol.asyncDispose]() {
      execFileSync("umount", [path]);
      await rm(folder, { recursive: true });
    },
  };
}
