import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isPrivateDirectory } from "./private-directory.ts";

/** What a daemon writes down of itself beside its lock. Start and boot tell its pid from a recycled one. */
export interface HolderRecord {
  readonly pid: number;
  readonly startTicks: number;
  readonly bootId: string;
  /** When it took the lock, as ISO 8601. */
  readonly since: string;
  /** Where it answers. */
  readonly socket: string;
}

const MAX_RECORD_BYTES = 16 * 1024;

export function holderRecordPath(lockFile: string): string {
  return join(dirname(lockFile), "daemon.json");
}

/** The record of the last holder; undefined where there is none that makes sense. */
export function readHolderRecord(lockFile: string): HolderRecord | undefined {
  try {
    const text = readFileSync(holderRecordPath(lockFile), "utf8");
    const value: unknown = text.length > MAX_RECORD_BYTES ? undefined : JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    // None, or not ours: who holds the lock can be found without.
    return undefined;
  }
}

/** The socket that the last holder wrote down. It may be gone, which connecting shows; in a stranger's folder it is not ours. */
export function recordedSocket(lockFile: string): string | undefined {
  const socket = readHolderRecord(lockFile)?.socket;
  return socket !== undefined && isPrivateDirectory(dirname(socket)) ? socket : undefined;
}

function isRecord(value: unknown): value is HolderRecord {
  if (typeof value !== "object" || value === null) return false;
  const { pid, startTicks, bootId, since, socket } = value as Partial<Record<keyof HolderRecord, unknown>>;
  return (
    Number.isSafeInteger(pid) &&
    Number.isSafeInteger(startTicks) &&
    typeof bootId === "string" &&
    typeof since === "string" &&
    typeof socket === "string" &&
    socket.startsWith("/")
  );
}
