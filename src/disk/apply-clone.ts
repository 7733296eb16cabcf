import { access, constants, copyFile, rm, truncate, writeFile } from "node:fs/promises";
import { run } from "../lib/process.ts";
import type { ClonePlan } from "./clone-plan.ts";
import { qcow2Overlay } from "./qcow2-overlay.ts";

/**
 * Makes a disk as planned; when it fails or is cancelled, nothing is left of it. Its target must not exist, and
 * the base must stay as it is for as long as an overlay lives.
 *
 * @throws BangerError `TOOL_FAILED`, `TOOL_MISSING`; ENOSPC as it comes.
 */
export async function applyClone(plan: ClonePlan, { signal }: { readonly signal: AbortSignal }): Promise<void> {
  signal.throwIfAborted();
  try {
    switch (plan.strategy) {
      case "reflink":
        await copyFile(plan.base, plan.target, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
        await truncate(plan.target, plan.sizeBytes);
        break;
      case "qcow2":
        await access(plan.base, constants.R_OK); // An overlay would only miss it when a guest reads.
        await writeFile(plan.target, qcow2Overlay(plan.base, plan.sizeBytes), { mode: 0o600, flag: "wx" });
        break;
      case "sparse-copy":
        // GNU cp looks for holes with SEEK_HOLE (lseek(2)), which Node does not offer.
        await run("cp", ["--sparse=always", "--reflink=never", "--", plan.base, plan.target], { signal });
        await truncate(plan.target, plan.sizeBytes);
        break;
    }
    signal.throwIfAborted();
  } catch (error) {
    await rm(plan.target, { force: true });
    throw error;
  }
}
