import { findExecutable } from "../../lib/find-executable.ts";
import { installHint } from "../../lib/install-hint.ts";
import { toolMissing } from "../../lib/process.ts";

/** The emulator of the only guest architecture that is driven so far. */
export const QEMU_SYSTEM = "qemu-system-x86_64";

export interface QemuPlace {
  /** `qemu_bin` of the configuration; absent, PATH is searched. */
  readonly qemuBin?: string;
  readonly searchPath?: string;
}

/**
 * Where QEMU is.
 *
 * @param configured `qemu_bin` of the configuration, instead of what PATH has.
 * @throws BangerError `TOOL_MISSING` with the command that installs it.
 */
export async function findQemu(configured: string | undefined, searchPath?: string): Promise<string> {
  const name = configured ?? QEMU_SYSTEM;
  const found = await findExecutable(name, searchPath);
  if (found !== undefined) return found;
  throw toolMissing(name, configured === undefined ? installHint("qemu") : "correct `qemu_bin` in the configuration");
}
