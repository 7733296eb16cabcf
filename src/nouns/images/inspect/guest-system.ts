import { open } from "node:fs/promises";
import type { FileTree } from "../../../model/file-tree.ts";
import type { FileInode, Inode } from "../../../model/inode.ts";
import type { GuestSystem } from "../../../model/image.ts";
import { parseOsRelease, systemOf } from "./os-release.ts";
import { lookup } from "./tree-path.ts";

/** Where systemd's PID 1 lies in Debian and its kin, and elsewhere. The agent in the guest looks at the same places. */
export const SYSTEMD_PATHS = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];
/** What OpenRC needs for its guest to be heard of again: itself, and the agent among its services. */
export const OPENRC_PATHS = ["/sbin/openrc", "/etc/init.d/banger-vsock-agent"];
export const OS_RELEASE_PATHS = ["/etc/os-release", "/usr/lib/os-release"];
const MAX_OS_RELEASE_BYTES = 64 * 1024;

/**
 * What kind of system an image holds, by its own files.
 *
 * @param rootfs the finished file system that `tree` was written to, with blocks of `blockSize` bytes.
 */
export async function detectSystem(tree: FileTree, rootfs: string, blockSize: number): Promise<GuestSystem> {
  const inodeAt = (path: string): Inode | undefined => {
    const found = lookup(tree, path);
    return found === undefined ? undefined : tree.read(found);
  };
  const isProgram = (path: string): boolean => {
    const found = inodeAt(path);
    return found?.type === "file" && (found.mode & 0o111) !== 0;
  };
  const init = SYSTEMD_PATHS.some(isProgram) ? "systemd" : OPENRC_PATHS.every(isProgram) ? "openrc" : "none";
  const release = OS_RELEASE_PATHS.map(inodeAt).find((found) => found?.type === "file");
  const fields = release === undefined ? {} : parseOsRelease(await readContent(release, rootfs, blockSize));
  return { init, ...systemOf(fields) };
}

async function readContent(file: FileInode, rootfs: string, blockSize: number): Promise<string> {
  const content = Buffer.alloc(Math.min(file.size, MAX_OS_RELEASE_BYTES));
  const image = await open(rootfs, "r");
  try {
    for (const run of file.extents) {
      const start = run.fileBlock * blockSize;
      const length = Math.min(run.blocks * blockSize, content.length - start);
      if (length > 0) await image.read(content, start, length, run.diskBlock * blockSize);
    }
  } finally {
    await image.close();
  }
  return content.toString("utf8");
}
