import { access, constants, copyFile, rm, statfs, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { bytes } from "../lib/bytes.ts";
import { temporaryBeside } from "../lib/files.ts";
import type { CloneAbilities, DiskFormat } from "./clone-plan.ts";

/**
 * Finds out how disks can be cloned in a folder.
 *
 * @param formats what the VMM can read.
 */
export async function probeCloneAbilities(
  folder: string,
  formats: ReadonlySet<DiskFormat>,
  searchPath: string,
): Promise<CloneAbilities> {
  const [space, reflink, qcow2] = await Promise.all([
    statfs(folder),
    canReflink(folder),
    isInPath("qemu-img", searchPath),
  ]);
  return { reflink, qcow2, formats, freeBytes: bytes(space.bavail * space.bsize) };
}

/** Whether the folder's file system shares blocks between files (FICLONE, ioctl_ficlone(2)): found by trying. */
export async function canReflink(folder: string): Promise<boolean> {
  const from = temporaryBeside(join(folder, "reflink"));
  const to = `${from}.clone`;
  try {
    await writeFile(from, Buffer.alloc(4096, 1));
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  } finally {
    await rm(from, { force: true });
    await rm(to, { force: true });
  }
}

async function isInPath(program: string, searchPath: string): Promise<boolean> {
  for (const folder of searchPath.split(delimiter)) {
    try {
      await access(join(folder, program), constants.X_OK);
      return true;
    } catch {
      // Not in this one.
    }
  }
  return false;
}
