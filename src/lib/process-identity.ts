import { readFile } from "node:fs/promises";
import { hasErrno } from "./errors.ts";

// Apart from what runs tools: whoever loads that loads a library which takes the standard streams.

/** A process as one can recognise it again: pids are recycled, a pid with its start time in one boot of the host is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks from boot to the process's start (proc(5)). */
  readonly startTicks: number;
  /** Which boot that was (random(4)); absent in records of older bangers, and then not compared. */
  readonly bootId?: string | undefined;
}

/** It changes with the kernel that we run on, and so never while we do. */
let bootId: Promise<string> | undefined;

function currentBoot(): Promise<string> {
  bootId ??= readFile("/proc/sys/kernel/random/boot_id", "latin1").then((text) => text.trim());
  return bootId;
}

/** Who has this pid now; undefined when nobody has, or only a zombie is left. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    if (hasErrno(error, "ENOENT") || hasErrno(error, "ESRCH")) return undefined;
    throw error;
  }
  // The command's name (field 2) may hold spaces and brackets: count from the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  return { pid, startTicks: Number(fields[19]), bootId: await currentBoot() };
}

/** Whether this very process still lives. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identifyProcess(identity.pid);
  return (
    now !== undefined &&
    now.startTicks === identity.startTicks &&
    (identity.bootId === undefined || now.bootId === identity.bootId)
  );
}
