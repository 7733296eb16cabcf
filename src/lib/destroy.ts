import type { ChildProcess } from "node:child_process";
import { constants, renameSync, rmSync, type Stats } from "node:fs";
import {
  copyFile,
  lstat,
  open,
  readFile,
  realpath,
  rename,
  rm,
  rmdir,
  truncate,
  writeFile,
  type FileHandle,
} from "node:fs/promises";
import { isAbsolute, join, normalize } from "node:path";
import { BangerError, hasErrno } from "./errors.ts";
import { isId } from "./ids.ts";
import { isAlive, type ProcessIdentity } from "./process-identity.ts";

/*
 * The one place that removes, replaces, empties or ends something on the host. Each call's last argument says in plain words
 * what proves that it may; scripts/write-destructive-paths.ts makes a table of them, and test/destructive-paths.test.ts fails
 * where something goes past this module. What has no proof is left, and told of (nouns/system/state/find-orphans.ts).
 */

/** Says whose a folder of an instance is; what has it is no rubbish, and neither is what lies beside it. */
export const INSTANCE_FILE = "instance-id";

/** Removes a file, a socket, a FIFO or a link, which is not followed. What is not there is no mistake; a folder is one. */
export async function removeFile(path: string | Buffer, _proof: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    // Something else stands where its folder was.
    if (!hasErrno(error, "ENOTDIR")) throw error;
  }
}

/** The same for who cannot wait. */
export function removeFileSync(path: string, _proof: string): void {
  rmSync(path, { force: true });
}

/** Removes a socket or a FIFO; anything else that stands there is somebody's, and stays. */
export async function removeSocket(path: string, _proof: string): Promise<void> {
  const found = await lstatIfThere(path);
  if (found?.isSocket() === true || found?.isFIFO() === true) await rm(path, { force: true });
}

/**
 * Removes what bears one name in a folder, with all that is in it; links are not followed. What is not there is no mistake.
 *
 * @param parent absolute. In a folder of an instance itself only what is named by an id goes.
 * @throws BangerError `INTERNAL` for a name that leads elsewhere, and for a folder of an instance or one of its parts;
 *         `STATE_MISMATCH` where something is mounted in it. Then nothing is removed.
 */
export async function removeTree(parent: string, name: string, _proof: string): Promise<void> {
  if (!isAbsolute(parent) || normalize(parent) !== parent || parent === "/")
    throw refused(parent, name, "no folder for it");
  if (!isOneName(name)) throw refused(parent, name, "not one name");
  const path = join(parent, name);
  if (await isThere(join(path, INSTANCE_FILE))) throw refused(parent, name, "a folder of an instance");
  if (!isId(name) && (await isThere(join(parent, INSTANCE_FILE)))) throw refused(parent, name, "a part of an instance");
  await refuseMounted(parent, name);
  await rm(path, { recursive: true, force: true });
}

/** Removes a folder that has nothing in it. @returns whether it did: one that is not empty, or not there, stays as it is. */
export async function removeEmptyFolder(path: string | Buffer, _proof: string): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "ENOENT", "ENOTDIR"].some((code) => hasErrno(error, code))) return false;
    throw error;
  }
}

/** Gives a file or folder another name. A file that has that name is gone then: the proof speaks for it, too. */
export async function replaceFile(from: string | Buffer, to: string | Buffer, _proof: string): Promise<void> {
  await rename(from, to);
}

/** The same for who cannot wait. */
export function replaceFileSync(from: string, to: string, _proof: string): void {
  renameSync(from, to);
}

/** Sets the length of a file that is there; what was behind it is gone. */
export async function setFileSize(file: string | FileHandle, sizeBytes: number, _proof: string): Promise<void> {
  await (typeof file === "string" ? truncate(file, sizeBytes) : file.truncate(sizeBytes));
}

/** Opens a file for writing and empties it, or makes it. A link is refused: what it leads to is somebody's. */
export async function openEmptied(path: string, mode: number, _proof: string): Promise<FileHandle> {
  return open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, mode);
}

/** Puts a copy of a file in place of another, by sharing blocks or not at all. */
export async function cloneOver(from: string, to: string, _proof: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
}

/** Writes a setting of the kernel's, which is there: a file below /proc/sys. */
export async function writeSetting(path: string, value: string, _proof: string): Promise<void> {
  if (!path.startsWith("/proc/sys/") || normalize(path) !== path) throw refused("/proc/sys", path, "not a setting");
  await writeFile(path, value, { flag: "r+" });
}

/** Sends a signal to this very process, never to a stranger who got its pid; false when it is gone. */
export async function signalProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  _proof: string,
): Promise<boolean> {
  // 0 and below are whole groups (kill(2)).
  if (!Number.isSafeInteger(identity.pid) || identity.pid < 1 || !(await isAlive(identity))) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch (error) {
    if (hasErrno(error, "ESRCH")) return false;
    throw error;
  }
}

/** Sends a signal to a child of this process. Until it is reaped, which Node does, nobody else can have its pid. */
export function signalChild(child: Pick<ChildProcess, "kill">, signal: NodeJS.Signals, _proof: string): void {
  child.kill(signal);
}

function isOneName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
}

async function isThere(path: string): Promise<boolean> {
  return (await lstatIfThere(path)) !== undefined;
}

async function lstatIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

/** rm(1) and Node's go through what is mounted as through any folder. */
async function refuseMounted(parent: string, name: string): Promise<void> {
  const folder = await realpath(parent).catch(() => parent);
  const [mount] = mountsWithin(await readFile("/proc/self/mountinfo", "utf8"), join(folder, name));
  if (mount === undefined) return;
  throw new BangerError("STATE_MISMATCH", {
    what: `${join(parent, name)} is not removed`,
    why: `something is mounted at ${mount}`,
    fix: `take that away with \`umount ${mount}\`, and ask again`,
    data: { mount },
  });
}

/** Places in a folder, or the folder itself, where something is mounted: of /proc/self/mountinfo (proc(5)). */
export function mountsWithin(mountinfo: string, path: string): readonly string[] {
  return mountinfo
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .map((at) => at.replaceAll(/\\([0-7]{3})/g, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 8))))
    .filter((at) => at === path || at.startsWith(`${path}/`));
}

/** It is ours to mend: no request leads here. */
function refused(parent: string, name: string, why: string): BangerError {
  return new BangerError("INTERNAL", {
    what: `${JSON.stringify(name)} in ${parent} is not removed`,
    why: `it is ${why}`,
    fix: "report this: banger asked itself for what it must not do",
  });
}

/** Ends this process as kill(1) with -9 does: nothing is put in order, nothing runs any more. */
export function dieAtOnce(_proof: string): never {
  process.kill(process.pid, "SIGKILL");
  for (;;); // Until the signal has come.
}
