import { readdir, readFile } from "node:fs/promises";
import { guestName } from "./machine-plan.ts";

/** QEMU processes of a VM, by the name that each was started with (`-name guest=ID,…`). */
export async function findStrays(vmId: string): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const names = await Promise.all(pids.map(async (pid) => ({ pid, name: await nameArgument(pid) })));
  return names.filter(({ name }) => name?.split(",")[0] === guestName(vmId)).map(({ pid }) => pid);
}

/** What follows `-name` among a process's arguments (proc(5): they are separated by NULs). */
async function nameArgument(pid: number): Promise<string | undefined> {
  try {
    const words = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
    const at = words.indexOf("-name");
    return at === -1 ? undefined : words[at + 1];
  } catch {
    return undefined; // It ended while we looked, or is none of ours.
  }
}
