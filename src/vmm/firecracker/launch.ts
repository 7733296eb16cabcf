import { open } from "node:fs/promises";
import { openEmptied } from "../../lib/destroy.ts";
import { launch, type LaunchedChild } from "../../lib/launch.ts";
import { run } from "../../lib/process.ts";
import type { FirecrackerPlan } from "./machine-plan.ts";

/**
 * Starts Firecracker in a session of its own: a hang-up of our terminal would end it. Its standard output, the guest's
 * console, is appended to the log as it comes; its input is a FIFO, which it reads as it would a terminal.
 *
 * @param enter words before its own, as MachineSpec has them.
 * @throws BangerError what {@link launch} throws.
 */
export async function launchFirecracker(
  binary: string,
  plan: FirecrackerPlan,
  consoleLog: string,
  enter: readonly string[],
): Promise<LaunchedChild> {
  await run("mkfifo", ["-m", "600", "--", plan.consoleInput, plan.metrics]);
  // Opened for both: so it never ends, whoever comes to type and goes.
  await using input = await open(plan.consoleInput, "r+");
  await using output = await open(consoleLog, "a", 0o600);
  await using errors = await openEmptied(plan.errors, 0o600, "Firecracker's words, in the VM's run folder");
  const stdio = [input.fd, output.fd, errors.fd];
  return await launch({ program: binary, args: plan.argv, enter, cwd: plan.runDir, stdio, session: "own" });
}
