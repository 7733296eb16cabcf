import { access, constants } from "node:fs/promises";
import { BangerError } from "../lib/errors.ts";
import type { MachineSpec } from "./driver.ts";

/**
 * Checks that what a machine is made of can be opened. A VMM would say the same, but in words that name its own options.
 *
 * @throws BangerError `FILE_UNREADABLE`.
 */
export async function checkFiles({ kernel, disks }: MachineSpec): Promise<void> {
  const files = [
    { path: kernel.path, use: "the kernel", mode: constants.R_OK },
    ...(kernel.initrdPath === undefined
      ? []
      : [{ path: kernel.initrdPath, use: "the initramfs", mode: constants.R_OK }]),
    ...disks.map(({ id, path, readOnly }) => ({
      path,
      use: `the ${id} disk`,
      mode: constants.R_OK | (readOnly ? 0 : constants.W_OK),
    })),
  ];
  for (const { path, use, mode } of files) {
    try {
      await access(path, mode);
    } catch (cause) {
      throw new BangerError("FILE_UNREADABLE", {
        what: `${use} cannot be used: ${path}`,
        ...(cause instanceof Error && { why: cause.message }),
        fix: "see `banger doctor`; if the file is lost, delete what it belonged to and create that anew",
        cause,
      });
    }
  }
}
