import { open, watch } from "node:fs/promises";
import { setTimeout as after } from "node:timers/promises";
import { isAbort } from "../../lib/errors.ts";

/** A guest that floods its console is looked at no more than once in this time. */
const REST_MS = 500;

/**
 * Keeps a log that another process appends to (with O_APPEND) under about `maxBytes`: when it passes that,
 * its older half goes. Works until the signal aborts; never rejects.
 */
export async function keepBounded(path: string, maxBytes: number, signal: AbortSignal): Promise<void> {
  const writes = watch(path, { persistent: false, signal, maxQueue: 1 })[Symbol.asyncIterator]();
  try {
    for (;;) {
      // Watched before it is measured: nothing that is written in between goes unnoticed.
      const write = writes.next();
      write.catch(() => {});
      await trimLog(path, maxBytes);
      await write;
      await after(REST_MS, undefined, { signal, ref: false });
    }
  } catch (error) {
    // A log that is gone needs no bounds. Nobody is harmed by one that cannot be trimmed.
    if (isAbort(error)) return;
  } finally {
    void writes.return?.();
  }
}

/** Cuts a log to the last half of `maxBytes` if it is longer than that. What is appended meanwhile may be lost. */
export async function trimLog(path: string, maxBytes: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    const { size } = await file.stat();
    if (size <= maxBytes) return;
    const keep = Buffer.alloc(Math.floor(maxBytes / 2));
    const { bytesRead } = await file.read(keep, 0, keep.length, size - keep.length);
    await file.truncate(0);
    await file.write(keep, 0, bytesRead, 0);
  } finally {
    await file.close();
  }
}
