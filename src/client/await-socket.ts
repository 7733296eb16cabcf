import { watch } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { ensurePrivateDirectory } from "../lib/files.ts";

/** Resolves once something accepts connections on this unix socket; rejects with the signal's reason. */
export async function awaitSocket(socketPath: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const folder = await ensurePrivateDirectory(dirname(socketPath));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const tryIt = (): void => {
    const socket = connect(socketPath);
    socket.once("connect", resolve);
    // Not there yet: the next event in the folder brings the next try.
    socket.once("error", () => {});
    socket.once("connect", () => socket.destroy());
  };
  // The socket's making and its chmod are both events, so a try between bind and listen is not the last one.
  const watcher = watch(folder, tryIt);
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    tryIt();
    await promise;
  } finally {
    watcher.close();
    signal.removeEventListener("abort", onAbort);
  }
}
