import { readdir, readFile } from "node:fs/promises";

/**
 * Processes whose arguments say that they run a VM.
 *
 * @param isOfVm judges a process's words (proc(5)), its program first.
 */
export async function findStrays(isOfVm: (words: readonly string[]) => boolean): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => ({ pid, ours: isOfVm(await wordsOf(pid)) })));
  return found.filter(({ ours }) => ours).map(({ pid }) => pid);
}

async function wordsOf(pid: number): Promise<readonly string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
  } catch {
    return []; // It ended while we looked, or is none of ours.
  }
}
