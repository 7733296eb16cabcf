import { once } from "node:events";
import { BangerError } from "../../lib/errors.ts";
import { connectUnix } from "../../lib/unix-socket.ts";
import type { PublishedPort } from "../../model/published-port.ts";
import { SLIRP } from "../user-network.ts";

const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * Has slirp4netns listen on a port of the host and lead it to the guest (slirp4netns(1), "API socket": one request a
 * connection, ended by closing our half).
 *
 * @throws BangerError `PORT_TAKEN` with what slirp4netns said.
 */
export async function addForward(apiSocket: string, port: PublishedPort, signal: AbortSignal): Promise<void> {
  const answer = await ask(
    apiSocket,
    {
      execute: "add_hostfwd",
      arguments: {
        proto: "tcp",
        host_addr: port.hostAddress,
        host_port: port.hostPort,
        guest_addr: SLIRP.guest,
        guest_port: port.guestPort,
      },
    },
    signal,
  );
  if (!answer.includes('"error"')) return;
  throw new BangerError("PORT_TAKEN", {
    what: `port ${port.hostPort} of ${port.hostAddress} cannot be published`,
    why: `slirp4netns says: ${answer.trim()}`,
    fix: "publish another port, or end what listens there (`ss -tlnp` shows it)",
  });
}

async function ask(apiSocket: string, request: object, signal: AbortSignal): Promise<string> {
  const socket = connectUnix(apiSocket, { allowHalfOpen: true });
  const stop = (): void => void socket.destroy(new Error("cancelled", { cause: signal.reason }));
  signal.addEventListener("abort", stop, { once: true });
  try {
    await once(socket, "connect", { signal });
    socket.setEncoding("utf8").end(JSON.stringify(request));
    let heard = "";
    for await (const chunk of socket) {
      heard += String(chunk);
      if (heard.length > MAX_ANSWER_BYTES) break;
    }
    return heard;
  } finally {
    signal.removeEventListener("abort", stop);
    socket.destroy();
  }
}
