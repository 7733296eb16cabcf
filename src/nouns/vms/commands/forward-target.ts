import type { Duplex } from "node:stream";
import type { AgentClient, ForwardTarget as AgentTarget } from "../../../guest/agent-client.ts";
import { BangerError } from "../../../lib/errors.ts";

/** What the agent can reach, and a port of the guest's own, on whichever loopback address its server has chosen. */
export type ForwardTarget = AgentTarget | { readonly kind: "port"; readonly port: number };

const LOOPBACKS = ["127.0.0.1", "::1"] as const;
const MAX_PORT = 65_535;

/**
 * Reads what is to be reached in a guest: `ssh`, `port:PORT`, `tcp:HOST:PORT`, `unix:PATH`, `vsock:PORT`.
 *
 * @throws BangerError `BAD_REQUEST`.
 */
export function parseForwardTarget(text: string): ForwardTarget {
  if (text === "ssh") return { kind: "ssh" };
  if (text.startsWith("unix:/")) return { kind: "unix", path: text.slice("unix:".length) };
  const own = portOf(/^port:(\d+)$/.exec(text)?.[1]);
  if (own !== undefined) return { kind: "port", port: own };
  const tcp = /^tcp:(.+):(\d+)$/.exec(text);
  const port = portOf(tcp?.[2]);
  if (tcp?.[1] !== undefined && port !== undefined) return { kind: "tcp", host: tcp[1], port };
  const vsock = /^vsock:(\d+)$/.exec(text);
  const vsockPort = Number(vsock?.[1]);
  if (vsock !== null && vsockPort >= 1 && vsockPort <= 0xffff_ffff) return { kind: "vsock", port: vsockPort };
  throw new BangerError("BAD_REQUEST", {
    what: `"${text}" is nothing that can be reached in a VM`,
    fix: "write ssh, port:PORT, tcp:HOST:PORT, vsock:PORT or unix:/PATH",
  });
}

function portOf(digits: string | undefined): number | undefined {
  const port = Number(digits);
  return port >= 1 && port <= MAX_PORT ? port : undefined;
}

/**
 * Opens a byte stream to it.
 *
 * @throws BangerError what the agent says; of a guest's own port, what it says of IPv4.
 */
export async function openTarget(agent: AgentClient, target: ForwardTarget, signal: AbortSignal): Promise<Duplex> {
  if (target.kind !== "port") return agent.forward(target, signal);
  const { port } = target;
  const [first, second] = LOOPBACKS;
  try {
    return await agent.forward({ kind: "tcp", host: first, port }, signal);
  } catch (error) {
    signal.throwIfAborted();
    try {
      return await agent.forward({ kind: "tcp", host: second, port }, signal);
    } catch {
      throw error;
    }
  }
}
