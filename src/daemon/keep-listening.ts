import { watch } from "node:fs";
import { lstat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Logger } from "pino";
import { removeFile } from "../lib/destroy.ts";
import { asBangerError } from "../lib/errors.ts";
import type { Layout } from "../model/layout.ts";
import { claimPrivateDirectory } from "./private-folder.ts";
import type { ApiServer } from "./server.ts";

/** A folder that is removed whole may take its watch along: this is how often the socket is looked for without one. */
const LOOK_MS = 1_000;

export interface Listening {
  readonly server: Pick<ApiServer, "listen">;
  readonly layout: Pick<Layout, "socket" | "lockFile" | "stateDir">;
  readonly log: Pick<Logger, "warn" | "error">;
  /** Called once when the lock's file is gone or another's: the state is no longer this daemon's. */
  readonly onDispossessed: () => void;
}

/**
 * Answers on the daemon's socket, and does so again whenever that is removed or replaced: by a clean-up of its folder, or by
 * hand. We hold the lock, so whatever stands there is nobody's.
 */
export async function keepListening({ server, layout, log, onDispossessed }: Listening): Promise<AsyncDisposable> {
  const { socket, lockFile } = layout;
  const lock = await nodeAt(lockFile);
  let own: string | undefined;
  let watcher: Disposable = nothing;
  let complaint: string | undefined;
  let over = false;

  const open = async (): Promise<void> => {
    await claimPrivateDirectory(dirname(socket));
    await removeFile(socket, "we hold the lock of this folder: whoever listened there is dead");
    await server.listen(socket);
    own = await nodeAt(socket);
    watcher[Symbol.dispose]();
    watcher = watching(dirname(socket), look);
  };
  const check = async (): Promise<void> => {
    if (over) return;
    // Another daemon could take a new file's lock: two must not work on one state.
    if ((await nodeAt(lockFile)) !== lock) {
      over = true;
      log.error({ lockFile }, "the lock's file was removed or replaced: this daemon ends, running VMs go on");
      return onDispossessed();
    }
    if ((await nodeAt(socket)) === own) return;
    try {
      await open();
      log.warn({ socket }, "the socket was gone: it is listened on again");
      complaint = undefined;
    } catch (error) {
      const { message } = asBangerError(error);
      if (complaint !== message) log.error({ err: error, socket }, "the socket is gone and cannot be made again yet");
      complaint = message;
    }
  };
  // One look at a time; what happens during one is looked at after it.
  let looking: Promise<void> = Promise.resolve();
  const look = (): void => {
    looking = looking
      .then(check)
      .catch((error: unknown) => log.error({ err: error }, "the socket cannot be looked at"));
  };

  await open();
  const timer = setInterval(look, LOOK_MS);
  return {
    async [Symbol.asyncDispose]() {
      over = true;
      clearInterval(timer);
      watcher[Symbol.dispose]();
      await looking;
    },
  };
}

const nothing: Disposable = { [Symbol.dispose]: () => {} };

function watching(folder: string, onChange: () => void): Disposable {
  try {
    const watcher = watch(folder, onChange);
    watcher.on("error", onChange);
    return { [Symbol.dispose]: () => watcher.close() };
  } catch {
    // All watches of this user may be taken; the timer looks too.
    return nothing;
  }
}

/** What stands at a path, told from anything that may stand there later; undefined where nothing does. */
async function nodeAt(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, birthtimeMs } = await lstat(path);
    return `${dev}:${ino}:${birthtimeMs}`;
  } catch {
    return undefined;
  }
}
