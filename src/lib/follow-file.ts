import { watch } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { hasErrno } from "./errors.ts";

const READ_BYTES = 64 * 1024;

/**
 * The bytes of a growing file, from an offset on, until the signal aborts. The file may not be there yet, and may be
 * cut while it is read: then reading begins anew.
 */
export async function* followFile(path: string, signal: AbortSignal, from = 0): AsyncGenerator<Buffer> {
  let wake = Promise.withResolvers<void>();
  const notify = (): void => wake.resolve();
  const watcher = watch(dirname(path), (_event, name) => {
    if (name === null || name === basename(path)) notify();
  });
  signal.addEventListener("abort", notify, { once: true });
  try {
    let position = from;
    while (!signal.aborted) {
      wake = Promise.withResolvers<void>();
      const chunk = await readAt(path, position);
      if (chunk === undefined) position = 0;
      else if (chunk.length === 0) await wake.promise;
      else {
        position += chunk.length;
        yield chunk;
      }
    }
  } finally {
    watcher.close();
    signal.removeEventListener("abort", notify);
  }
}

/** What stands at `position`; undefined when the file ends before it. */
async function readAt(path: string, position: number): Promise<Buffer | undefined> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      if (size < position) return undefined;
      const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, position);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return Buffer.alloc(0);
    throw error;
  }
}
