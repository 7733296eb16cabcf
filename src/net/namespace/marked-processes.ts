import { readdir, readFile } from "node:fs/promises";
import { identifyProcess, type ProcessIdentity } from "../../lib/process-identity.ts";

/** In the environment of every process that a VM's namespace needs: by it they are found after a crash. */
const MARK = "BANGER_NETWORK_OF";

/** @param instance which banger the VM is of. */
export function markOf(instance: string, vmId: string): Readonly<Record<string, string>> {
  return { [MARK]: `${instance}/${vmId}` };
}

export interface MarkedProcess extends ProcessIdentity {
  readonly vmId: string;
}

/** The processes of namespaces of this instance's VMs. */
export async function markedProcesses(instance: string): Promise<readonly MarkedProcess[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => look(instance, pid)));
  return found.filter((process) => process !== undefined);
}

async function look(instance: string, pid: number): Promise<MarkedProcess | undefined> {
  let environment: string;
  try {
    environment = await readFile(`/proc/${pid}/environ`, "latin1");
  } catch {
    return undefined; // Another user's, or it ended while we looked.
  }
  const prefix = `${MARK}=${instance}/`;
  const word = environment.split("\0").find((text) => text.startsWith(prefix));
  const identity = word === undefined ? undefined : await identifyProcess(pid);
  return word === undefined || identity === undefined ? undefined : { ...identity, vmId: word.slice(prefix.length) };
}
