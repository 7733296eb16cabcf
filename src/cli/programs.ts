import { dirname, join } from "node:path";
import type { DaemonProgram } from "../client/start-daemon.ts";

/** The words that run this very program again, from any folder. */
export function bangerCommand(main = mainModule()): readonly string[] {
  return isSource(main) ? [process.execPath, main] : [launcher(main, "banger")];
}

/** How to run bangerd: `BANGERD_BIN`, else the launcher beside this program's own, else, from sources, its main module. */
export function bangerdProgram(env: NodeJS.ProcessEnv, main = mainModule()): DaemonProgram {
  const told = env["BANGERD_BIN"];
  if (told !== undefined && told !== "") return { file: told, args: [] };
  if (!isSource(main)) return { file: launcher(main, "bangerd"), args: [] };
  return { file: process.execPath, args: [join(dirname(main), "..", "daemon", "main.ts")] };
}

/** The guest's program as it is on this host: `BANGER_AGENT`, else where `make build` left it. */
export function agentProgram(env: NodeJS.ProcessEnv, main = mainModule()): string {
  const told = env["BANGER_AGENT"];
  if (told !== undefined && told !== "") return told;
  if (!isSource(main)) return launcher(main, "banger-vsock-agent");
  return join(dirname(main), "..", "..", "build", "bin", "banger-vsock-agent");
}

/** The file that Node was started with: `src/cli/main.ts`, or `build/lib/banger.js`. */
function mainModule(): string {
  return process.argv[1] ?? "";
}

function isSource(main: string): boolean {
  return main.endsWith(".ts");
}

/** `build/lib/banger.js` → `build/bin/NAME`. */
function launcher(main: string, name: string): string {
  return join(dirname(main), "..", "bin", name);
}
