import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";

/**
 * Starts a program that dies with us, however we die: to whoever watches, the whole stand-in is one process
 * (prctl(2), PR_SET_PDEATHSIG).
 */
export function spawnChained(file: string, args: readonly string[], stdio: StdioOptions): ChildProcess {
  return spawn("setpriv", ["--pdeathsig", "KILL", "--", file, ...args], { stdio });
}
