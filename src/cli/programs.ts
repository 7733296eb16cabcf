import { dirname, join } from "node:path";
import type { DaemonProgram } from "../client/start-daemon.ts";

/** This very program: the file that Node was started with. */
export function bangerMain(): string {
  return process.argv[1] ?? "";
}

/**
 * How to run bangerd: `BANGERD_BIN`, else the bundle beside this program's own, else, from sources, its main module.
 */
export function bangerdProgram(env: NodeJS.ProcessEnv, main = bangerMain()): DaemonProgram {
  const told = env["BANGERD_BIN"];
  if (told !== undefined && told !== "") return { file: told, args: [] };
  const module = main.endsWith(".ts")
    ? join(dirname(main), "..", "daemon", "main.ts")
    : join(dirname(main), "bangerd.js");
  return { file: process.execPath, args: [module] };
}
