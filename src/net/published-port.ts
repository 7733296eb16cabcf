import type { PublishedPort } from "../model/published-port.ts";

/** Stands for all addresses of the host. */
export const ANY_ADDRESS = "0.0.0.0";

/** Whether two cannot be there at once: the same port, on addresses that have one in common. */
export function portsCollide(a: PublishedPort, b: PublishedPort): boolean {
  const shared = a.hostAddress === b.hostAddress || a.hostAddress === ANY_ADDRESS || b.hostAddress === ANY_ADDRESS;
  return shared && a.hostPort === b.hostPort;
}
