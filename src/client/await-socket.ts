import { watch } from "node:fs";
import { dirname } from "node:path";
import { hasErrno } from "../lib/errors.ts";
import { ensurePrivateDirectory } from "../lib/private-directory.ts";
import { connectUnix } from "../lib/unix-socket.ts";

/**
 * Between bind(2) and listen(2) a socket is there and refuses, and no event tells of the second: one that has just
 * appeared and refuses is tried again after these times. It may as well be what a dead daemon left.
 */
const LISTEN_MS = [1, 5, 25, 125, 625] as const;

/** Resolves once something accepts connections on this unix socket; rejects with the signal's reason. */
export async function awaitSocket(socketPath: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const folder = await ensurePrivateDirectory(dirname(socketPath));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  const tryIt = (refusals: number): void => {
    clearTimeout(timer);
    const socket = connectUnix(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", (error) => {
      // Not there yet: the next event in the folder brings the next try.
      const again = hasErrno(error, "ECONNREFUSED") ? LISTEN_MS[refusals] : undefined;
      if (again === undefined) return;
      clearTimeout(timer);
      timer = setTimeout(() => tryIt(refusals + 1), again);
    });
  };
  const onAbort = (): void => reject(signal.reason as Error);
  const watcher = watch(folder, () => tryIt(0));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    tryIt(0);
    await promise;
  } finally {
    watcher.close();
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
