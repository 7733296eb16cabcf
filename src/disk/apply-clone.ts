import { constants, copyFile, rm, truncate, writeFile } from "node:fs/promises";
import { BangerError, asBangerError } from "../lib/errors.ts";
import { run } from "../lib/process.ts";
import type { ClonePlan } from "./clone-plan.ts";
import { qcow2Overlay } from "./qcow2-overlay.ts";

/**
 * Makes the copy. The base is only read, and must stay as it is for as long as a qcow2 clone lives.
 * When this fails, or the signal aborts, no target is left.
 *
 * @throws BangerError `DISK_FULL`, `TOOL_FAILED` from cp, `DISK_NO_STRATEGY` for dm-snapshot, which is not here yet.
 */
export async function applyClone(plan: ClonePlan, { signal }: { readonly signal: AbortSignal }): Promise<void> {
  signal.throwIfAborted();
  try {
    await clone(plan, signal);
    signal.throwIfAborted();
  } catch (error) {
    await rm(plan.target, { force: true });
    throw asBangerError(error);
  }
}

async function clone({ strategy, base, target, sizeBytes }: ClonePlan, signal: AbortSignal): Promise<void> {
  switch (strategy) {
    case "reflink":
      await copyFile(base.path, target, constants.COPYFILE_FICLONE_FORCE);
      await truncate(target, sizeBytes);
      return;
    case "qcow2":
      await writeFile(target, qcow2Overlay(base.path, sizeBytes), { mode: 0o600, flag: "wx" });
      return;
    case "sparse-copy":
      // Node knows no SEEK_HOLE; cp does, and leaves holes for zeros, too.
      await run("cp", ["--sparse=always", "--reflink=never", "--", base.path, target], { signal });
      await truncate(target, sizeBytes);
      return;
    case "dm-snapshot":
      throw new BangerError("DISK_NO_STRATEGY", {
        what: "snapshots by device mapper are not made yet",
        fix: "run `banger doctor`",
      });
  }
}
