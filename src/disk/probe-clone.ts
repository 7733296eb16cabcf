import { access, constants, copyFile, mkdtemp, open, statfs, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { bytes, mib, type Bytes } from "../lib/bytes.ts";
import { removeFile, removeTree, setFileSize } from "../lib/destroy.ts";
import { asBangerError } from "../lib/errors.ts";
import { temporaryBeside } from "../lib/files.ts";
import { newId } from "../lib/ids.ts";
import type { DiskStrategy } from "../model/vm.ts";
import { attachSnapshot, detachSnapshots } from "./apply-snapshot.ts";
import type { CloneAbilities, DiskFormat } from "./clone-plan.ts";
import { localMapperHost } from "./mapper-host.ts";
import { planSnapshot, storeBytes } from "./snapshot-plan.ts";

export interface CloneWishes {
  /** A way that must be looked for, though there be cheaper ones. */
  readonly wanted?: DiskStrategy | undefined;
  /** The copy must outlive its base. */
  readonly standsAlone?: boolean;
}

/**
 * Finds out how disks can be cloned in a folder.
 *
 * @param formats what the VMM can read.
 */
export async function probeCloneAbilities(
  folder: string,
  formats: ReadonlySet<DiskFormat>,
  { wanted, standsAlone = false }: CloneWishes = {},
): Promise<CloneAbilities> {
  const [{ bavail, bsize }, reflink] = await Promise.all([statfs(folder), canReflink(folder)]);
  const leaning = "the copy has to outlive what it is a copy of";
  const isNeeded = wanted === "dm-snapshot" || !(reflink || formats.has("qcow2"));
  const mapper = standsAlone ? leaning : await mapperObstacle(folder, isNeeded);
  // An overlay is a file of ours to write, and a sparse copy can be made anywhere.
  return {
    lacks: {
      ...(!reflink && { reflink: "this file system does not share blocks between files" }),
      ...(standsAlone && { qcow2: leaning }),
      ...(mapper !== undefined && { "dm-snapshot": mapper }),
    },
    formats,
    freeBytes: bytes(bavail * bsize),
  };
}

/** Whether the folder's file system shares blocks between files (FICLONE, ioctl_ficlone(2)): found by trying. */
export async function canReflink(folder: string): Promise<boolean> {
  const from = temporaryBeside(join(folder, "reflink"));
  const to = `${from}.clone`;
  try {
    await writeFile(from, Buffer.alloc(64 * 1024, 1), { flag: "wx" });
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    return true;
  } catch {
    return false;
  } finally {
    await removeFile(from, "a temporary name of this process");
    await removeFile(to, "a temporary name of this process");
  }
}

/** Device mapper's control device: absent where the kernel has none. */
export const MAPPER_CONTROL = "/dev/mapper/control";

/** Why no snapshot can be had by device mapper; undefined where one can. It takes a tenth of a second to try. */
async function mapperObstacle(folder: string, isNeeded: boolean): Promise<string | undefined> {
  if (process.geteuid?.() !== 0) return "device mapper needs root";
  try {
    await access(MAPPER_CONTROL);
  } catch {
    return `this kernel has no device mapper (there is no ${MAPPER_CONTROL})`;
  }
  if (!isNeeded) return "it was not looked for, since there are cheaper ways";
  return trySnapshot(folder);
}

async function trySnapshot(parent: string): Promise<string | undefined> {
  const folder = await mkdtemp(join(parent, ".snapshot-"));
  const vmId = newId("probe");
  try {
    const base = { path: join(folder, "base"), sizeBytes: mib(1) };
    const store = join(folder, "store");
    const sizeBytes = mib(2);
    await emptyFile(base.path, base.sizeBytes);
    await emptyFile(store, storeBytes(sizeBytes));
    await attachSnapshot(planSnapshot({ vmId, diskId: "probe", base, store, sizeBytes }), localMapperHost);
    return undefined;
  } catch (error) {
    return asBangerError(error).message;
  } finally {
    await detachSnapshots(vmId, [], localMapperHost);
    await removeTree(dirname(resolve(folder)), basename(folder), "made by this call, with a random name");
  }
}

async function emptyFile(path: string, sizeBytes: Bytes): Promise<void> {
  await (await open(path, "wx", 0o600)).close();
  await setFileSize(path, sizeBytes, "a new file that this call made");
}
