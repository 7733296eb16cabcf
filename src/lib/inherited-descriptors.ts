import { closeSync, readdirSync, readFileSync } from "node:fs";

/** fcntl(2); /proc/PID/fdinfo shows flags in octal (proc(5)). */
const O_CLOEXEC = 0o2000000;
const LAST_STANDARD_FD = 2;

/**
 * Closes the descriptors that this process was born with and would hand on to each of its children: somebody's lock on a
 * file would else be held for as long as a VM runs. Node marks its own to be closed by exec(2), and of those it was born
 * with the first sixteen.
 *
 * @param keep descriptors that are meant for this process.
 * @returns what was closed.
 */
export function closeInheritedDescriptors(keep: ReadonlySet<number>): readonly number[] {
  const closed: number[] = [];
  for (const fd of readdirSync("/proc/self/fd").map(Number)) {
    if (fd <= LAST_STANDARD_FD || keep.has(fd) || !outlivesExec(fd)) continue;
    closeSync(fd);
    closed.push(fd);
  }
  return closed;
}

function outlivesExec(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    return false; // It was the one that the folder was read by.
  }
}
