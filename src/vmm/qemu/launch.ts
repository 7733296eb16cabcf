import { Duplex } from "node:stream";
import { openEmptied } from "../../lib/destroy.ts";
import { BangerError } from "../../lib/errors.ts";
import { launch, type LaunchedChild } from "../../lib/launch.ts";
import { BOOT_MONITOR_FD, type MachinePlan } from "./machine-plan.ts";

export interface QemuChild extends LaunchedChild {
  /** Our end of the control connection that it was born with: its first words come when it is ready. */
  readonly bootMonitor: Duplex;
}

/**
 * Starts QEMU. Its sockets are named from the run folder, which it works in. What it says goes to `vmmLog`.
 *
 * @param enter words before its own, as MachineSpec has them.
 * @throws BangerError what {@link launch} throws.
 */
export async function launchQemu(
  binary: string,
  { argv, runDir, vmmLog }: Pick<MachinePlan, "argv" | "runDir" | "vmmLog">,
  enter: readonly string[] = [],
): Promise<QemuChild> {
  await using log = await openEmptied(vmmLog, 0o600, "QEMU's log, in the VM's run folder");
  const stdio: ("ignore" | "pipe" | number)[] = ["ignore", log.fd, log.fd];
  // A "pipe" of Node's is one end of a pair of connected sockets.
  stdio[BOOT_MONITOR_FD] = "pipe";
  const child = await launch({ program: binary, args: argv, enter, cwd: runDir, stdio, session: "own" });
  const bootMonitor = child.stdio[BOOT_MONITOR_FD];
  if (bootMonitor instanceof Duplex) return { ...child, bootMonitor };
  child.kill();
  throw new BangerError("INTERNAL", { what: "QEMU was started without its control connection", fix: "start it again" });
}
