import { constants } from "node:os";

/** A process's end as one number, as shells have it: its status, or 128 + the number of the signal that ended it. */
export function exitStatus(code: number | null, signal: string | null | undefined): number {
  if (code !== null) return code;
  return 128 + signalNumber(signal ?? "");
}

export function signalNumber(name: string): number {
  return Object.entries(constants.signals).find(([known]) => known === name)?.[1] ?? 0;
}
