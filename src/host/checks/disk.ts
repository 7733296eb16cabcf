import { access, constants, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { bytes, formatBytes, gib, mib, type Bytes } from "../../lib/bytes.ts";
import { hasErrno } from "../../lib/errors.ts";
import type { Finding, HostCheck } from "../../model/doctor.ts";

/** A VM that starts writes little; an image takes hundreds of MiB. */
const TOO_LITTLE = mib(256);
const LITTLE = gib(4);

/** @param folder where images and disks are kept; it may not be there yet. */
export function diskSpaceCheck(folder: string): HostCheck {
  return {
    name: "disk-space",
    why: "images, kernels and the VMs' disks are kept there",
    essential: true,
    async look() {
      const place = await nearestFolder(folder);
      await access(place, constants.W_OK);
      const { bavail, bsize } = await statfs(place);
      return describeSpace(folder, bytes(bavail * bsize));
    },
  };
}

export function describeSpace(folder: string, freeBytes: Bytes): Finding {
  const summary = `${formatBytes(freeBytes)} free at ${folder}`;
  const data = { folder, freeBytes };
  if (freeBytes >= LITTLE) return { result: "ok", summary, data };
  return {
    result: freeBytes < TOO_LITTLE ? "fail" : "warn",
    summary: `only ${summary}`,
    fix: "delete what is not needed with `banger image delete`, or set XDG_DATA_HOME to a larger disk",
    data,
  };
}

/** @param canReflink tries it in a folder; the disk engine knows how. */
export function reflinkCheck(folder: string, canReflink: (folder: string) => Promise<boolean>): HostCheck {
  return {
    name: "reflink",
    why: "where files can share blocks, a VM's disk costs nothing to make and is as fast as a plain file",
    essential: false,
    async look() {
      // Its absence is no fault: qcow2 overlays cost as little.
      const works = await canReflink(await nearestFolder(folder));
      const summary = works
        ? "files share blocks here"
        : "not on this file system; QEMU's VMs get overlays, others copies";
      return { result: "ok", summary, data: { works } };
    },
  };
}

async function nearestFolder(path: string): Promise<string> {
  try {
    await access(path);
    return path;
  } catch (error) {
    if (!hasErrno(error, "ENOENT") || path === dirname(path)) throw error;
    return nearestFolder(dirname(path));
  }
}
