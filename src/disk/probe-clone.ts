import { randomBytes } from "node:crypto";
import { constants, copyFile, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bytes, type Bytes } from "../lib/bytes.ts";
import type { VmDisk } from "../model/vm.ts";
import type { CloneAbilities, CloneStrategy } from "./clone-plan.ts";

/**
 * What can be done in a folder, and read by a VMM that knows these formats.
 *
 * @param folder where the copies will lie; bases are expected on the same file system.
 */
export async function probeCloneAbilities(
  folder: string,
  formats: ReadonlySet<VmDisk["format"]>,
): Promise<CloneAbilities> {
  const [reflink, freeBytes] = await Promise.all([canReflink(folder), freeSpace(folder)]);
  const host = new Set<CloneStrategy>(["qcow2", "sparse-copy"]);
  if (reflink) host.add("reflink");
  const driver = new Set<CloneStrategy>();
  if (formats.has("qcow2")) driver.add("qcow2");
  if (formats.has("raw")) driver.add("reflink").add("sparse-copy");
  return { host, driver, freeBytes };
}

/** Whether files in this folder can share their blocks (ioctl_ficlone(2)): only trying tells. */
export async function canReflink(folder: string): Promise<boolean> {
  const name = join(folder, `.reflink-${randomBytes(6).toString("hex")}`);
  const clone = `${name}.clone`;
  try {
    await writeFile(name, Buffer.alloc(64 * 1024, 1), { flag: "wx", mode: 0o600 });
    await copyFile(name, clone, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  } finally {
    await rm(name, { force: true });
    await rm(clone, { force: true });
  }
}

/** What an ordinary user may still write there. */
export async function freeSpace(folder: string): Promise<Bytes> {
  const { bavail, bsize } = await statfs(folder);
  return bytes(bavail * bsize);
}
