import { lstat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { removeTree } from "../../../lib/destroy.ts";
import { BangerError } from "../../../lib/errors.ts";
import { describedFolders, vmRunDir, type Layout } from "../../../model/layout.ts";
import type { AgentLine, Vm, VmSilence } from "../../../model/vm.ts";
import { unresponsive } from "./silence.ts";
import type { VmContext } from "../vm-context.ts";

/** Removes a VM's run folder, and the one that its VMM was started in where an earlier daemon had it elsewhere. */
export async function removeRunFolder({ layout }: Pick<VmContext, "layout">, vmId: string, vm?: Vm): Promise<void> {
  const before = vm?.machine === undefined ? [] : [dirname(vm.machine.controlSocket)];
  const own: string[] = [];
  for (const folder of before) if (await isRunFolder(folder, vmId, layout)) own.push(folder);
  for (const folder of new Set([vmRunDir(layout, vmId), ...own]))
    await removeTree(dirname(folder), vmId, "the run folder of a VM that has no machine any more");
}

/** A record may be older than all this, damaged, or somebody else's: what has a VM's disks, or tells of a VM, is none. */
async function isRunFolder(folder: string, vmId: string, layout: Layout): Promise<boolean> {
  if (basename(folder) !== vmId || folder.startsWith(`${layout.dataDir}/`)) return false;
  return !(await exists(join(folder, describedFolders(layout).vms.file)));
}

/**
 * Checks that a running VM's line to its agent still has its socket: who dials one that was removed waits for nothing.
 *
 * @param knowsSecret whether the agent has had this boot's secret.
 * @throws BangerError `AGENT_UNREACHABLE` with the way out.
 */
export async function checkLine(line: AgentLine, knowsSecret: boolean): Promise<void> {
  const socket = socketOf(line, knowsSecret);
  if (socket === undefined || (await exists(socket))) return;
  throw new BangerError("AGENT_UNREACHABLE", {
    what: "the agent in the guest cannot be reached any more",
    why: `the VM runs, but its socket was removed: ${socket}`,
    fix: "stop the VM with `banger vm stop --force`, then start it: that makes its sockets anew",
    data: { socket },
  });
}

/** What there must be to reach an agent: with a vsock of the host's own, that by which it is told the secret, until it was. */
function socketOf(line: AgentLine, knowsSecret: boolean): string | undefined {
  if (line.kind !== "vhost-vsock") return line.socketPath;
  return knowsSecret ? undefined : line.secretSocketPath;
}

/** A VM whose VMM runs and does not answer this daemon: what can be said of it, and what can be done. */
export async function notAnswering(vm: Vm, silence?: VmSilence): Promise<BangerError> {
  const control = vm.machine?.controlSocket ?? "";
  const removed = !(await exists(control));
  if (!removed && silence !== undefined) return unresponsive(vm, silence);
  return new BangerError("VM_WRONG_STATE", {
    what: `VM ${vm.name} is ${vm.state}, but its VMM${vm.machine === undefined ? "" : `, pid ${vm.machine.pid},`} does not answer`,
    why: removed ? `its socket was removed: ${control}` : `nothing comes from its socket, ${control}`,
    fix: `end it with \`banger vm stop --force ${vm.name}\`, then start it with \`banger vm start ${vm.name}\``,
    data: { state: vm.state },
  });
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
