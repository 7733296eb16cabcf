import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { signalProcess } from "../../../lib/destroy.ts";
import { isId } from "../../../lib/ids.ts";
import { identifyProcess, type ProcessIdentity } from "../../../lib/process-identity.ts";
import { vmRunDir, type Layout } from "../../../model/layout.ts";
import type { VmContext } from "../vm-context.ts";

type Context = Pick<VmContext, "drivers" | "layout">;

/**
 * VMMs that bear a VM's id and work in its folders, which are this instance's: started in the instant before a daemon died,
 * so that no record knows them.
 */
export async function findStrays({ drivers, layout }: Context, vmId: string): Promise<readonly ProcessIdentity[]> {
  if (!isId(vmId)) return [];
  const found: ProcessIdentity[] = [];
  for (const driver of await drivers.all()) {
    for (const pid of await driver.strays(vmId)) {
      const identity = await identifyProcess(pid);
      if (identity !== undefined && (await worksIn(pid, layout, vmId))) found.push(identity);
    }
  }
  return found;
}

/** Ends them. Only for a VM of which this instance's records say that it is not to run. */
export async function endStrays(context: Context, vmId: string): Promise<void> {
  for (const identity of await findStrays(context, vmId))
    await signalProcess(
      identity,
      "SIGKILL",
      "a VMM of this VM by its words, at work in this instance's folders; the VM is not to run",
    );
}

async function worksIn(pid: number, layout: Layout, vmId: string): Promise<boolean> {
  const folders = [vmRunDir(layout, vmId), join(layout.otherRunDir, vmId), join(layout.vmsDir, vmId)];
  const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  const at = await readlink(`/proc/${pid}/cwd`).catch(() => "");
  return folders.some((folder) => words.includes(`${folder}/`) || at === folder || at === `${folder} (deleted)`);
}
