import { once } from "node:events";
import type { Stats } from "node:fs";
import { lstat, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { BangerError, hasErrno } from "../lib/errors.ts";

/** sun_path holds 108 bytes with its final NUL (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;

/**
 * Checks a socket's path before anything is started for it.
 *
 * @throws BangerError `PATH_TOO_LONG`.
 */
export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= MAX_SOCKET_PATH_BYTES) return;
  throw new BangerError("PATH_TOO_LONG", {
    what: `the path of a socket is too long: ${path}`,
    why: `it has ${length} bytes, and the kernel takes ${MAX_SOCKET_PATH_BYTES}`,
    fix: "set XDG_RUNTIME_DIR to a folder with a shorter path",
    data: { path, length, limit: MAX_SOCKET_PATH_BYTES },
  });
}

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
  await rm(path, { force: true });
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
  const knock = createConnection(path);
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
