import { access, chmod, constants, open, stat, statfs, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { cloneOver, removeFile, setFileSize } from "../lib/destroy.ts";
import { BangerError } from "../lib/errors.ts";
import { formatBytes } from "../lib/bytes.ts";
import { run } from "../lib/process.ts";
import type { ClonePlan } from "./clone-plan.ts";
import { qcow2Overlay } from "./qcow2-overlay.ts";
import { storeBytes } from "./snapshot-plan.ts";

/**
 * Makes a disk as planned; when it fails or is cancelled, nothing is left of it. Its target must not exist.
 *
 * @throws BangerError `FILE_UNREADABLE`, `DISK_FULL`, `TOOL_FAILED`, `TOOL_MISSING`; EEXIST as it comes.
 */
export async function applyClone(plan: ClonePlan, { signal }: { readonly signal: AbortSignal }): Promise<void> {
  signal.throwIfAborted();
  await checkBase(plan.base.path);
  // What is there already is not ours, and stays.
  const target = await open(plan.target, "wx", 0o600);
  await target.close();
  try {
    await fill(plan, signal);
    signal.throwIfAborted();
  } catch (error) {
    const full = signal.aborted ? undefined : await fullDisk(plan, error);
    await removeFile(plan.target, "a new file that this call made");
    throw full ?? error;
  }
}

/** An overlay would only miss its base when a guest reads. */
async function checkBase(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch (cause) {
    throw new BangerError("FILE_UNREADABLE", {
      what: `${path}, of which the VM gets a copy, cannot be read`,
      why: cause instanceof Error ? cause.message : String(cause),
      fix: "get the image again, if nobody else has moved the file",
      cause,
    });
  }
}

async function fill({ strategy, base, target, sizeBytes }: ClonePlan, signal: AbortSignal): Promise<void> {
  switch (strategy) {
    case "reflink":
      await cloneOver(base.path, target, "a new file that this call made");
      await chmod(target, 0o600); // It comes with its base's.
      await setFileSize(target, sizeBytes, "a new file that this call made");
      return;
    case "qcow2":
      await writeFile(target, qcow2Overlay(base.path, sizeBytes), { flag: "r+" });
      return;
    case "dm-snapshot":
      await setFileSize(target, storeBytes(sizeBytes), "a new file that this call made");
      return;
    case "sparse-copy":
      // GNU cp looks for holes with SEEK_HOLE (lseek(2)), which Node does not offer.
      await run("cp", ["--sparse=always", "--reflink=never", "--", base.path, target], { signal });
      await setFileSize(target, sizeBytes, "a new file that this call made");
      return;
  }
}

/** cp tells why it failed in its user's language only: whether the disk is full is to be seen on the disk. */
async function fullDisk(plan: ClonePlan, cause: unknown): Promise<BangerError | undefined> {
  if (plan.strategy !== "sparse-copy") return undefined;
  const [{ bavail, bsize }, { blocks }] = await Promise.all([statfs(dirname(plan.target)), stat(plan.target)]);
  const missing = plan.base.usedBytes - blocks * 512;
  const free = bavail * bsize;
  if (free >= missing || missing <= 0) return undefined;
  return new BangerError("DISK_FULL", {
    what: `the disk became full while ${plan.base.path} was copied`,
    why: `${formatBytes(missing)} were still to come, and ${formatBytes(free)} are free`,
    fix: "delete VMs or images, or move XDG_DATA_HOME to a larger disk; nothing was left behind",
    cause,
  });
}
