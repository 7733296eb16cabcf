import { watch } from "node:fs";
import { open } from "node:fs/promises";
import { setTimeout as after } from "node:timers/promises";
import { setFileSize } from "../lib/destroy.ts";
import { isAbort } from "../lib/errors.ts";

/** A guest that floods its console is looked at no more than once in this time. */
const REST_MS = 500;

/**
 * Keeps a log that another process appends to (with O_APPEND) under about `maxBytes`: when it passes that,
 * its older half goes. Works until the signal aborts; never rejects.
 */
export async function keepBounded(path: string, maxBytes: number, signal: AbortSignal): Promise<void> {
  try {
    while (!signal.aborted) {
      await trimAndWait(path, maxBytes, signal);
      await after(REST_MS, undefined, { signal, ref: false });
    }
  } catch (error) {
    // A log that is gone needs no bounds. Nobody is harmed by one that cannot be trimmed.
    if (isAbort(error)) return;
  }
}

async function trimAndWait(path: string, maxBytes: number, signal: AbortSignal): Promise<void> {
  // Watched before it is measured: nothing that is written in between goes unnoticed.
  using watching = watchOnce(path, signal);
  await trimLog(path, maxBytes);
  await watching.changed;
}

/** One change of a file, or the signal's abort. A guest's flood of writes is not queued: nobody reads a watcher twice. */
function watchOnce(path: string, signal: AbortSignal): Disposable & { readonly changed: Promise<void> } {
  const { promise: changed, resolve, reject } = Promise.withResolvers<void>();
  changed.catch(() => {}); // Whoever stopped waiting need not know.
  const watcher = watch(path, { persistent: false, signal }, () => resolve());
  watcher.on("error", reject);
  watcher.on("close", resolve);
  return { changed, [Symbol.dispose]: () => watcher.close() };
}

/** Cuts a log to the last half of `maxBytes` if it is longer than that. What is appended meanwhile may be lost. */
export async function trimLog(path: string, maxBytes: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    const { size } = await file.stat();
    if (size <= maxBytes) return;
    const keep = Buffer.alloc(Math.floor(maxBytes / 2));
    const { bytesRead } = await file.read(keep, 0, keep.length, size - keep.length);
    await setFileSize(file, 0, "a machine's own log, past its bound; its last half is written again");
    await file.write(keep, 0, bytesRead, 0);
  } finally {
    await file.close();
  }
}
