import { once } from "node:events";
import { createServer } from "node:net";
import type { PublishedPort } from "../../../model/published-port.ts";

/** A range that is longer is somebody's mistake, or joke. */
const MAX_PORTS = 100;
const HOST_ADDRESS = "127.0.0.1";

/**
 * The TCP ports that an image says it listens on, without those that are published already: `80`, `80/tcp`, `80-90/tcp`
 * (OCI image spec, config.md, "ExposedPorts"). UDP is left out, since nothing publishes it.
 */
export function exposedTcpPorts(exposed: readonly string[], published: readonly PublishedPort[]): number[] {
  const ports = new Set<number>();
  for (const text of exposed) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/tcp)?$/i.exec(text);
    const first = Number(match?.[1] ?? 0);
    const last = Math.min(Number(match?.[2] ?? first), first + MAX_PORTS);
    for (let port = first; port >= 1 && port <= last && port <= 65_535; port += 1) ports.add(port);
  }
  for (const { guestPort } of published) ports.delete(guestPort);
  return [...ports].sort((a, b) => a - b).slice(0, MAX_PORTS);
}

/** Publishes each of these ports of a guest on a port of this host's loopback that is free just now. */
export async function publishOnFreePorts(guestPorts: readonly number[]): Promise<PublishedPort[]> {
  // All are held until the last is found, so that none comes twice.
  const servers = guestPorts.map(() => createServer());
  try {
    const published: PublishedPort[] = [];
    for (const [index, server] of servers.entries()) {
      server.listen(0, HOST_ADDRESS);
      await once(server, "listening");
      const address = server.address();
      const guestPort = guestPorts[index];
      if (typeof address !== "object" || address === null || guestPort === undefined) throw new Error("no port");
      published.push({ hostAddress: HOST_ADDRESS, hostPort: address.port, guestPort });
    }
    return published;
  } finally {
    for (const server of servers) server.close();
  }
}
