import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { once } from "node:events";
import { connectUnix } from "../lib/unix-socket.ts";
import type { AgentLine } from "../model/vm.ts";
import { agentUnreachable } from "./agent-errors.ts";
import { openSerialLine } from "./serial-line.ts";
import { dialFirecrackerVsock, dialHostVsock } from "./vsock-line.ts";

/** How to open a stream to the agent: what `connectAgent` calls. */
export type Dial = (signal: AbortSignal) => Promise<Duplex>;

/**
 * The dialer of a VM's line. Over virtio-serial it waits for a guest that is still booting, until the signal aborts;
 * over vsock it fails while nobody listens, and must be called again.
 *
 * @param agentPath the agent's own program on this host, which knows vsock where Node does not.
 */
export function dialerFor(line: AgentLine, agentPath: string): Dial {
  switch (line.kind) {
    case "virtio-serial":
      return (signal) => dialVirtioSerial(line.socketPath, signal);
    case "firecracker-vsock":
      return (signal) => dialFirecrackerVsock(line.socketPath, line.port, signal);
    case "vhost-vsock":
      return async (signal) => dialHostVsock(agentPath, line.cid, line.port, signal);
  }
}

/** QEMU's socket of a virtio-serial port; the handshake makes a session of it. */
export async function dialVirtioSerial(socketPath: string, signal: AbortSignal): Promise<Duplex> {
  return openSerialLine(await connectSocket(socketPath, signal), signal);
}

/** A plain socket: agents under test. */
export async function connectSocket(path: string, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const socket = connectUnix(path);
  try {
    await once(socket, "connect", { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw agentUnreachable(`${path} does not answer`, error);
  }
}
