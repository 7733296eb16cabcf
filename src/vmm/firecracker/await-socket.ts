import { once } from "node:events";
import { watch } from "node:fs";
import { dirname } from "node:path";
import { untilAborted } from "../../lib/deadline.ts";
import { hasErrno } from "../../lib/errors.ts";
import { connectUnix } from "../../lib/unix-socket.ts";

/**
 * Resolves when somebody listens on a socket. Firecracker tells of its readiness in no other way.
 *
 * @throws the signal's reason.
 */
export async function awaitListening(path: string, signal: AbortSignal): Promise<void> {
  let changed = Promise.withResolvers<void>();
  using watcher = watching(dirname(path), () => changed.resolve());
  for (;;) {
    // Awaited from before it is looked at: nothing that comes in between goes unnoticed.
    changed = Promise.withResolvers();
    const found = await knock(path);
    if (found === "listening") return;
    watcher.check();
    // Between bind(2) and listen(2) it is there and refuses; that is over at once.
    if (found === "absent") await untilAborted(changed.promise, signal);
    else await untilAborted(new Promise((resolve) => setImmediate(resolve)), signal);
  }
}

/** Watches a folder; what goes wrong with that is told by `check`. */
function watching(folder: string, onChange: () => void): Disposable & { check(): void } {
  let failure: Error | undefined;
  const watcher = watch(folder, onChange);
  watcher.on("error", (error) => {
    failure = error;
    onChange();
  });
  return {
    check() {
      if (failure !== undefined) throw failure;
    },
    [Symbol.dispose]: () => watcher.close(),
  };
}

async function knock(path: string): Promise<"listening" | "absent" | "refused"> {
  const socket = connectUnix(path);
  try {
    await once(socket, "connect");
    return "listening";
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return "absent";
    if (hasErrno(error, "ECONNREFUSED")) return "refused";
    throw error;
  } finally {
    socket.destroy();
  }
}

/** Resolves when a connection to this socket is closed, or cannot be made: its owner ends, or has ended. */
export async function connectionClosed(path: string, signal: AbortSignal): Promise<void> {
  const socket = connectUnix(path);
  socket.on("error", () => {});
  const stop = (): void => void socket.destroy();
  signal.addEventListener("abort", stop, { once: true });
  socket.resume();
  try {
    await new Promise((resolve) => socket.once("close", resolve));
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
