import { once } from "node:events";
import type { Stats } from "node:fs";
import { lstat } from "node:fs/promises";
import { removeSocket } from "../lib/destroy.ts";
import { BangerError, hasErrno } from "../lib/errors.ts";
import { connectUnix } from "../lib/unix-socket.ts";

/**
 * Makes way for a socket: one that stands there is removed if its owner is dead, and nothing else is.
 *
 * @throws BangerError `VMM_FAILED` when the path is somebody's.
 */
export async function clearSocketPath(path: string): Promise<void> {
  const there = await lstatIfThere(path);
  if (there === undefined) return;
  if (!there.isSocket()) throw inTheWay(path, "it is not a socket");
  if (await isListening(path)) throw inTheWay(path, "another process listens there");
  await removeSocket(path, "a socket on which nobody listens, as was just seen");
}

async function lstatIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** A socket outlives its owner as a file; then whoever knocks is refused (unix(7)). */
export async function isListening(path: string): Promise<boolean> {
  const knock = connectUnix(path);
  try {
    await once(knock, "connect");
    return true;
  } catch (error) {
    if (hasErrno(error, "ECONNREFUSED") || hasErrno(error, "ENOENT")) return false;
    throw error;
  } finally {
    knock.destroy();
  }
}

function inTheWay(path: string, why: string): BangerError {
  return new BangerError("VMM_FAILED", {
    what: `${path} is in the way`,
    why,
    fix: "see whose it is with `fuser`, and move it or end its owner",
  });
}
