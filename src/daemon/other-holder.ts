import { setTimeout as after } from "node:timers/promises";
import { findHolder, type LockHolder } from "../lib/lock-holder.ts";
import { isAlive } from "../lib/process-identity.ts";
import type { FolderLock } from "../store/lock.ts";

/** A daemon whose lock file was removed notices within a second, and ends. */
const LEAVE_MS = 5_000;
const LOOK_MS = 20;

/**
 * The other daemon of this state. Where we got the lock there is none, unless its lock file was removed under it: that one
 * is on its way out, and is waited for.
 */
export async function otherHolder(lockFile: string, lock: FolderLock | undefined): Promise<LockHolder | undefined> {
  const holder = await findHolder(lockFile);
  if (lock === undefined || holder === undefined) return holder;
  for (const until = Date.now() + LEAVE_MS; Date.now() < until; await after(LOOK_MS)) {
    if (!(await isAlive(holder))) return undefined;
  }
  return holder;
}
