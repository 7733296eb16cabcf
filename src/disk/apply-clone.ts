import { constants, copyFile, rm, truncate } from "node:fs/promises";
import { run } from "../lib/process.ts";
import type { ClonePlan } from "./clone-plan.ts";

/**
 * Makes a disk as planned; when it fails or is cancelled, nothing is left of it. Its target must not exist.
 *
 * @throws BangerError `TOOL_FAILED`, `TOOL_MISSING`; ENOSPC as it comes.
 */
export async function applyClone(plan: ClonePlan, { signal }: { readonly signal: AbortSignal }): Promise<void> {
  try {
    switch (plan.strategy) {
      case "reflink":
        await copyFile(plan.base, plan.target, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
        await truncate(plan.target, plan.sizeBytes);
        break;
      case "qcow2":
        await run(
          "qemu-img",
          ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", plan.base, plan.target, String(plan.sizeBytes)],
          { signal, install: "install it with `apt install qemu-utils`" },
        );
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
