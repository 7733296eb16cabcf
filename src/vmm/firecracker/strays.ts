import { readdir, readFile } from "node:fs/promises";

/** Firecracker processes of a VM, by the `--id` and the socket that each was started with. */
export async function findStrays(vmId: string): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => ({ pid, ours: await isFirecrackerOf(pid, vmId) })));
  return found.filter(({ ours }) => ours).map(({ pid }) => pid);
}

/** Whether a process has these arguments (proc(5): they are separated by NULs). */
async function isFirecrackerOf(pid: number, vmId: string): Promise<boolean> {
  try {
    const words = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
    const at = words.indexOf("--id");
    return at !== -1 && words[at + 1] === vmId && words[at + 2] === "--api-sock";
  } catch {
    return false; // It ended while we looked, or is none of ours.
  }
}
