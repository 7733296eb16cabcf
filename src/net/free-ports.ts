import { once } from "node:events";
import { createServer } from "node:net";
import { BangerError, hasErrno } from "../lib/errors.ts";
import type { PublishedPort } from "../model/published-port.ts";

/**
 * Makes sure that nothing listens where ports are to be published, by listening there for an instant.
 *
 * @throws BangerError `PORT_TAKEN`; `VM_SPEC_INVALID` for an address that the host does not have.
 */
export async function checkPortsFree(ports: readonly PublishedPort[]): Promise<void> {
  for (const port of ports) {
    const server = createServer();
    try {
      server.listen({ host: port.hostAddress, port: port.hostPort, exclusive: true });
      await once(server, "listening");
    } catch (error) {
      throw refused(port, error);
    } finally {
      server.close();
    }
  }
}

function refused({ hostAddress, hostPort }: PublishedPort, cause: unknown): BangerError {
  const what = `port ${hostPort} of ${hostAddress} cannot be published`;
  if (hasErrno(cause, "EADDRNOTAVAIL")) {
    return new BangerError("VM_SPEC_INVALID", {
      what,
      why: `the host has no address ${hostAddress}`,
      fix: "use one that `ip address` shows, or 0.0.0.0 for all",
      cause,
    });
  }
  if (hasErrno(cause, "EACCES")) {
    return new BangerError("PORT_TAKEN", {
      what,
      why: "ports below 1024 are root's",
      fix: `publish a higher one, or run: sudo sysctl -w net.ipv4.ip_unprivileged_port_start=${hostPort}`,
      cause,
    });
  }
  return new BangerError("PORT_TAKEN", {
    what,
    why: hasErrno(cause, "EADDRINUSE") ? "something listens there already" : String(cause),
    fix: `publish another port, or end what listens there: \`ss -tlnp 'sport = :${hostPort}'\` shows it`,
    cause,
  });
}
