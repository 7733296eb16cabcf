import { BangerError } from "../lib/errors.ts";
import type { KernelArch } from "../model/kernel.ts";

/**
 * The architecture of kernels that this host's VMs boot.
 *
 * @throws BangerError `KERNEL_INVALID` where banger knows none.
 */
export function hostArch(): KernelArch {
  if (process.arch === "x64") return "amd64";
  if (process.arch === "arm64") return "arm64";
  throw new BangerError("KERNEL_INVALID", {
    what: "no kernel for this host's processor",
    why: `banger knows x86-64 and 64-bit ARM, this is ${process.arch}`,
    fix: "use a host with one of those",
  });
}
