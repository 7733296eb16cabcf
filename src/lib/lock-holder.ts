import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { hasErrno } from "./errors.ts";
import { writeFileAtomic } from "./files.ts";
import { type HolderRecord, holderRecordPath, readHolderRecord } from "./holder-record.ts";
import { identifyProcess, type ProcessIdentity } from "./process-identity.ts";

/** A daemon that has its lock file open, so that its pid can be trusted. */
export interface LockHolder extends ProcessIdentity {
  /** When it took the lock, as ISO 8601, and the socket that it answers on; absent where it did not write them down. */
  readonly since?: string;
  readonly socket?: string;
}

const BOOT_ID = "/proc/sys/kernel/random/boot_id";

/** Writes down that this process holds the lock, and on which socket it answers. */
export async function noteHolder(lockFile: string, socket: string): Promise<void> {
  const self = await identifyProcess(process.pid);
  if (self === undefined) return;
  const bootId = (await readFile(BOOT_ID, "utf8")).trim();
  const record: HolderRecord = { ...self, bootId, since: new Date().toISOString(), socket };
  await writeFileAtomic(holderRecordPath(lockFile), `${JSON.stringify(record)}\n`);
}

/**
 * Who holds the lock: the process that wrote that down, or, where there is no such word or an older one's, the one that has
 * the lock file open. A recycled pid is never taken for it.
 */
export async function findHolder(lockFile: string): Promise<LockHolder | undefined> {
  const record = readHolderRecord(lockFile);
  if (record !== undefined && record.bootId === (await readFile(BOOT_ID, "utf8")).trim()) {
    const { pid, startTicks, since, socket } = record;
    const now = await identifyProcess(pid);
    if (now?.startTicks === startTicks && (await hasOpen(pid, lockFile))) return { pid, startTicks, since, socket };
  }
  for (const pid of await lockers()) {
    if (pid === process.pid || !(await hasOpen(pid, lockFile))) continue;
    const found = await identifyProcess(pid);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Processes with a POSIX lock on any file: one that only reads the lock file is none of them (proc(5), /proc/locks). */
async function lockers(): Promise<ReadonlySet<number>> {
  const lines = (await readFile("/proc/locks", "latin1").catch(() => "")).split("\n");
  return new Set(lines.flatMap((line) => /\bPOSIX +\S+ +\S+ +(\d+) /.exec(line)?.[1] ?? []).map(Number));
}

/** Whether a process is stopped, by a signal or a debugger: it holds what it has, and answers nothing (proc(5), state). */
export async function isFrozen(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, "latin1").catch(() => "");
  return /^State:\s+[Tt]\b/m.test(status);
}

/** Whether a process of ours has this file open; of others' the kernel does not say (proc(5), /proc/PID/fd). */
async function hasOpen(pid: number, path: string): Promise<boolean> {
  const wanted = await stat(path).catch(() => undefined);
  const folder = `/proc/${pid}/fd`;
  try {
    if ((await stat(folder)).uid !== process.getuid?.()) return false;
    for (const name of await readdir(folder)) {
      const link = await readlink(`${folder}/${name}`).catch(() => "");
      if (link === path || link === `${path} (deleted)`) return true;
      // By another name, as through a link.
      if (wanted === undefined || !link.startsWith("/")) continue;
      const open = await stat(`${folder}/${name}`).catch(() => undefined);
      if (open?.ino === wanted.ino && open.dev === wanted.dev) return true;
    }
  } catch (error) {
    if (!hasErrno(error, "ENOENT") && !hasErrno(error, "EACCES") && !hasErrno(error, "ESRCH")) throw error;
  }
  return false;
}
