import { BangerError } from "../../lib/errors.ts";
import { launch, type LaunchedChild, type LaunchRequest } from "../../lib/launch.ts";
import { identifyProcess, type ProcessIdentity } from "../../lib/process-identity.ts";
import { toolPath } from "../tool-path.ts";
import { markOf } from "./marked-processes.ts";

/** A process that keeps a VM's namespace, and outlives us. */
export interface Keeper {
  readonly child: LaunchedChild;
  readonly identity: ProcessIdentity;
}

/**
 * Starts a process that keeps a VM's namespace. Its mark is in its environment, so that it is found after a crash.
 *
 * @throws BangerError `NETWORK_FAILED` where it ended at once, `TOOL_MISSING`, `TOOL_FAILED`.
 */
export async function launchKeeper(
  { instance, vmId }: { readonly instance: string; readonly vmId: string },
  request: Pick<LaunchRequest, "program" | "args" | "cwd" | "stdio">,
): Promise<Keeper> {
  const env = { PATH: toolPath(), ...markOf(instance, vmId) };
  const child = await launch({ ...request, env, session: "own" });
  child.release();
  const identity = await identifyProcess(child.pid);
  if (identity === undefined) {
    throw new BangerError("NETWORK_FAILED", {
      what: `${request.program} ended as soon as it ran`,
      fix: "run `banger doctor`: it says which ways of making a network this host has",
    });
  }
  return { child, identity };
}
