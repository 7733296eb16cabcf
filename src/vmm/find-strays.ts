import { readdir, readFile } from "node:fs/promises";

/** By what a VM's VMM is known among all processes: an option of its own with a value that names the VM. */
export interface ProcessMark {
  readonly option: string;
  /** The value, or what stands in it before its first comma. */
  readonly value: string;
  /** Another option that it stands before, where the first one alone is other programs' too. */
  readonly before?: string;
}

/** Processes whose arguments say that they run a VM. */
export async function findStrays(mark: ProcessMark): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => ({ pid, ours: isMarked(mark, await wordsOf(pid)) })));
  return found.filter(({ ours }) => ours).map(({ pid }) => pid);
}

/** Judges a process's words (proc(5)), its program first. Pure. */
export function isMarked({ option, value, before }: ProcessMark, words: readonly string[]): boolean {
  const at = words.indexOf(option);
  return at !== -1 && words[at + 1]?.split(",")[0] === value && (before === undefined || words.indexOf(before) > at);
}

async function wordsOf(pid: number): Promise<readonly string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
  } catch {
    return []; // It ended while we looked, or is none of ours.
  }
}
