import { once } from "node:events";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { withDeadline } from "../lib/deadline.ts";
import { signalChild } from "../lib/destroy.ts";
import { spawnConfined } from "../lib/launch.ts";
import { connectUnix } from "../lib/unix-socket.ts";
import { agentUnreachable } from "./agent-errors.ts";

/** A guest answers at once or refuses; but one that was paused in between, or loads its driver just now, may never do. */
const ANSWER_MS = 3_000;
/** Longest answer to `CONNECT`: `OK 4294967295\n` and some room. */
const MAX_ANSWER_BYTES = 32;

/**
 * Connects to a guest's vsock port through Firecracker's unix socket (docs/vsock.md there): `CONNECT port`, and the
 * answer read byte by byte, since the guest's own bytes may follow it at once.
 *
 * @throws BangerError `AGENT_UNREACHABLE` while nothing listens on the port, `TIMED_OUT` while nothing answers.
 */
export async function dialFirecrackerVsock(path: string, port: number, signal: AbortSignal): Promise<Duplex> {
  const socket = connectUnix(path);
  try {
    await withDeadline(signal, ANSWER_MS, "the VMM's answer to CONNECT", (within) => connectPort(socket, port, within));
    return socket;
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? signal.reason : error;
  }
}

async function connectPort(socket: Socket, port: number, signal: AbortSignal): Promise<void> {
  const abort = (): void => void socket.destroy();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await once(socket, "connect", { signal });
    socket.write(`CONNECT ${port}\n`);
    let answer = "";
    while (!answer.endsWith("\n")) {
      const byte: unknown = socket.read(1);
      if (Buffer.isBuffer(byte)) answer += byte.toString("latin1");
      else if (socket.readableEnded || socket.destroyed)
        throw agentUnreachable(`nothing listens on vsock port ${port}`);
      else await Promise.race([once(socket, "readable"), once(socket, "end"), once(socket, "close")]);
      if (answer.length > MAX_ANSWER_BYTES) throw agentUnreachable("the VMM's answer to CONNECT is too long");
    }
    if (!/^OK \d+\n$/.test(answer)) throw agentUnreachable(`the VMM answered ${JSON.stringify(answer)} to CONNECT`);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Connects to a guest's vsock port by the host's own vsock. Node has no AF_VSOCK, so the agent's binary does it: run on
 * the host as `vsock-connect`, it joins its standard streams with the connection.
 */
export function dialHostVsock(agentPath: string, cid: number, port: number, signal: AbortSignal): Duplex {
  signal.throwIfAborted();
  const child = spawnConfined({
    program: agentPath,
    args: ["vsock-connect", String(cid), String(port)],
    stdio: ["pipe", "pipe", "ignore"],
    session: "ours",
  });
  const { stdout, stdin } = child;
  if (stdout === null || stdin === null) throw agentUnreachable("its vsock cannot be joined with");
  const stream = Duplex.from({ readable: stdout, writable: stdin });
  child.once("error", (error) => stream.destroy(error));
  stream.once("close", () => signalChild(child, "SIGTERM", "our own child, by its handle"));
  return stream;
}
