import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { AgentClient } from "../../../guest/agent-client.ts";
import { writeFileAtomic } from "../../../lib/files.ts";
import { ensurePrivateDirectory } from "../../../lib/private-directory.ts";
import { type Layout, vmRunDir } from "../../../model/layout.ts";

/**
 * Writes down the host key that the agent tells, for ssh.
 *
 * @returns the file's path, which is the same at each start of the VM.
 */
export async function writeKnownHosts(
  layout: Layout,
  vmId: string,
  agent: AgentClient,
  signal: AbortSignal,
): Promise<string> {
  const { sshHostKey } = await agent.info(signal);
  const path = knownHostsPath(layout, vmId);
  // A VM that an earlier banger started has its sockets elsewhere.
  await ensurePrivateDirectory(vmRunDir(layout, vmId));
  await writeFileAtomic(path, `${vmId} ${sshHostKey}\n`);
  return path;
}

/**
 * The same where there is no such file: it goes with the machine's run folder, and lines of ssh_config name it beyond that.
 * Who connects by those has it before ssh reads it, which it does once the guest's server has greeted it.
 */
export async function ensureKnownHosts(
  layout: Layout,
  vmId: string,
  agent: AgentClient,
  signal: AbortSignal,
): Promise<void> {
  const isThere = await lstat(knownHostsPath(layout, vmId)).catch(() => undefined);
  if (isThere === undefined) await writeKnownHosts(layout, vmId, agent, signal);
}

function knownHostsPath(layout: Layout, vmId: string): string {
  return join(vmRunDir(layout, vmId), "known_hosts");
}
