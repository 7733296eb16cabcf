import { constants, copyFile, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bytes } from "../lib/bytes.ts";
import { temporaryBeside } from "../lib/files.ts";
import type { CloneAbilities, DiskFormat } from "./clone-plan.ts";

/**
 * Finds out how disks can be cloned in a folder.
 *
 * @param formats what the VMM can read.
 */
export async function probeCloneAbilities(folder: string, formats: ReadonlySet<DiskFormat>): Promise<CloneAbilities> {
  const [space, reflink] = await Promise.all([statfs(folder), canReflink(folder)]);
  // An overlay is a file of ours to write: it needs no tool of QEMU's.
  return { reflink, qcow2: true, formats, freeBytes: bytes(space.bavail * space.bsize) };
}

/** Whether the folder's file system shares blocks between files (FICLONE, ioctl_ficlone(2)): found by trying. */
export async function canReflink(folder: string): Promise<boolean> {
  const from = temporaryBeside(join(folder, "reflink"));
  const to = `${from}.clone`;
  try {
    await writeFile(from, Buffer.alloc(64 * 1024, 1));
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  } finally {
    await rm(from, { force: true });
    await rm(to, { force: true });
  }
}
