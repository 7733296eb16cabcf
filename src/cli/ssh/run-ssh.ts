import { spawn } from "node:child_process";
import { once } from "node:events";
import { signalChild } from "../../lib/destroy.ts";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import { exitStatus } from "../terminal/exit-status.ts";

/** Those that whoever started us may send; the terminal sends SIGINT to ssh by itself. */
const PASSED_ON = ["SIGTERM", "SIGHUP"] as const;

/** ssh has it from the terminal as well, and decides. */
const ignore = (): void => {};

/**
 * Runs the user's own ssh on our terminal, and returns its exit status.
 *
 * @throws BangerError `TOOL_MISSING`.
 */
export async function runSsh(args: readonly string[]): Promise<number> {
  const ssh = spawn("ssh", args, { stdio: "inherit" });
  const passOn = (signal: NodeJS.Signals): void =>
    signalChild(ssh, signal, "our own child, by its handle; the signal came from its user");
  for (const name of PASSED_ON) process.on(name, passOn);
  process.on("SIGINT", ignore);
  try {
    const [code, signal] = (await once(ssh, "exit")) as [number | null, NodeJS.Signals | null];
    return exitStatus(code, signal);
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
    throw new BangerError("TOOL_MISSING", {
      what: "ssh is not installed",
      why: "`vm ssh` runs your own OpenSSH",
      fix: "install it (on Debian: sudo apt-get install openssh-client), or use `banger vm exec`, which needs none",
      cause: error,
      data: { tool: "ssh" },
    });
  } finally {
    for (const name of PASSED_ON) process.off(name, passOn);
    process.off("SIGINT", ignore);
  }
}
