import { closeSync, constants, openSync } from "node:fs";
import { type NetConnectOpts, type Server, Socket, connect } from "node:net";
import { basename, dirname } from "node:path";

/** sun_path holds 108 bytes with its final NUL (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;

/** A name of a socket that fits into sun_path, for as long as it is not disposed of. */
interface ShortName extends Disposable {
  readonly name: string;
}

/** A path that is too long is taken by way of its opened folder: the kernel follows /proc/self/fd as any link (proc(5)). */
function shortName(path: string): ShortName {
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return { name: path, [Symbol.dispose]: () => {} };
  const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  return { name: `/proc/self/fd/${folder}/${basename(path)}`, [Symbol.dispose]: () => closeSync(folder) };
}

/** Connects to a unix socket, however long its path is. What goes wrong is told by an `error` event, as `connect` does. */
export function connectUnix(path: string, options: Omit<NetConnectOpts, "path" | "port"> = {}): Socket {
  try {
    // connect(2) is done when this returns: the folder is needed no longer.
    using short = shortName(path);
    return connect({ ...options, path: short.name });
  } catch (error) {
    return new Socket().destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

/**
 * Listens on a unix socket, however long its path is; resolves once others can connect. Dispose of the result after the
 * server is closed and not before: Node then removes the socket by the name that it was given.
 */
export async function listenUnix(server: Server, path: string): Promise<Disposable> {
  const short = shortName(path);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  try {
    server.listen(short.name, resolve);
    await promise;
    return short;
  } catch (error) {
    short[Symbol.dispose]();
    throw error;
  } finally {
    server.off("error", reject);
  }
}
