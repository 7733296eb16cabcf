import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { asBangerError, BangerError, hasErrno } from "../../lib/errors.ts";
import type { ForwardedPort } from "../parse/forward-port.ts";

const LOOPBACK = "127.0.0.1";

/** Opens a stream to something in the guest, as the API has it: `port:PORT`. */
export type OpenForward = (target: string) => Promise<Duplex>;

/**
 * Listens on a loopback port of this host, and joins each connection with the guest's port, until the server is closed.
 *
 * @param failed is told why a connection came to nothing; the next one is tried all the same.
 * @throws BangerError `PORT_TAKEN`.
 */
export async function listenPort(
  { guestPort, hostPort }: ForwardedPort,
  open: OpenForward,
  failed: (error: BangerError) => void,
): Promise<{ readonly hostPort: number; readonly server: Server }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    join(socket, guestPort, open).catch((error: unknown) => {
      socket.destroy();
      failed(asBangerError(error));
    });
  });
  try {
    server.listen({ host: LOOPBACK, port: hostPort, exclusive: true });
    await once(server, "listening");
  } catch (error) {
    throw taken(hostPort, guestPort, error);
  }
  return { hostPort: (server.address() as AddressInfo).port, server };
}

/** Each direction ends by itself, as in one TCP connection. */
async function join(socket: Socket, guestPort: number, open: OpenForward): Promise<void> {
  // A client that hangs up while the guest is asked.
  socket.on("error", () => {});
  const stream = await open(`port:${guestPort}`);
  if (socket.destroyed) {
    stream.destroy();
    return;
  }
  const told = Promise.withResolvers<void>();
  stream.on("error", told.reject);
  // A client that goes away in the middle is an ordinary end; what the daemon says of the guest is thrown.
  void Promise.allSettled([pipeline(socket, stream), pipeline(stream, socket)]).then(() => told.resolve());
  try {
    await told.promise;
  } catch (error) {
    if (error instanceof BangerError) throw error;
  }
}

function taken(hostPort: number, guestPort: number, cause: unknown): BangerError {
  const root = hasErrno(cause, "EACCES");
  return new BangerError("PORT_TAKEN", {
    what: `port ${hostPort} of ${LOOPBACK} cannot be listened on`,
    why: root
      ? "ports below 1024 are root's"
      : hasErrno(cause, "EADDRINUSE")
        ? "something listens there"
        : String(cause),
    fix: `name another port of this host, as in ${guestPort}:${guestPort + (root ? 8000 : 1)}, or ${guestPort}:0 for any free one`,
    cause,
  });
}
