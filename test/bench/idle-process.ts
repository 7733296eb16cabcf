import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

const KIB = 1024;
/** Of proc_pid_stat(5), which Linux counts in hundredths of a second on all that QEMU runs on. */
const TICKS_PER_SECOND = 100;

/** What a process holds of the host's memory, and takes of one of its processors while it idles. */
export interface IdleProcess {
  /** Its own pages, and its share of those that it has together with others. */
  readonly pssMib: number;
  /** What its end gives back. */
  readonly privateMib: number;
  readonly cpuPercent: number;
}

/** Watches processes for so long, all at the same time. */
export async function watchIdle(pids: readonly number[], forMs: number): Promise<readonly IdleProcess[]> {
  const started = performance.now();
  const before = await Promise.all(pids.map(cpuTicks));
  await setTimeout(forMs);
  const after = await Promise.all(pids.map(cpuTicks));
  const seconds = (performance.now() - started) / 1000;
  return Promise.all(
    pids.map(async (pid, i) => ({
      ...(await memoryOf(pid)),
      cpuPercent: (100 * ((after[i] ?? 0) - (before[i] ?? 0))) / TICKS_PER_SECOND / seconds,
    })),
  );
}

async function cpuTicks(pid: number): Promise<number> {
  return ticksIn(await readFile(`/proc/${pid}/stat`, "utf8"));
}

/** utime and stime of proc_pid_stat(5): the program's name before them may hold anything. */
export function ticksIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

async function memoryOf(pid: number): Promise<Pick<IdleProcess, "pssMib" | "privateMib">> {
  return memoryIn(await readFile(`/proc/${pid}/smaps_rollup`, "utf8"));
}

/** Of proc_pid_smaps(5), as smaps_rollup adds it up. @throws Error where a line is missing: no figure is not 0. */
export function memoryIn(rollup: string): Pick<IdleProcess, "pssMib" | "privateMib"> {
  const mib = (key: string): number => {
    const kib = new RegExp(`^${key}: +(\\d+) kB$`, "m").exec(rollup)?.[1];
    if (kib === undefined) throw new Error(`smaps_rollup has no ${key}`);
    return Number(kib) / KIB;
  };
  return { pssMib: mib("Pss"), privateMib: mib("Private_Clean") + mib("Private_Dirty") };
}
