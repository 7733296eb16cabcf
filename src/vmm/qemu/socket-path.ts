import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { BangerError, hasErrno } from "../../lib/errors.ts";

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
  const knock = createConnection(path);
  try {
    await once(knock, "connect");
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return;
    // Nobody listens: what a VMM left that was killed.
    if (hasErrno(error, "ECONNREFUSED")) return await rm(path, { force: true });
    throw inTheWay(path, error);
  } finally {
    knock.destroy();
  }
  throw inTheWay(path);
}

function inTheWay(path: string, cause?: unknown): BangerError {
  return new BangerError("VMM_FAILED", {
    what: `${path} is in the way`,
    why: cause instanceof Error ? cause.message : "another process listens there",
    fix: "see who it is with `fuser`, and end it",
    cause,
  });
}
