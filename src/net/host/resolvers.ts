import { isIPv4 } from "node:net";

/** In the order in which they are looked at: who runs a resolver on loopback tells here whom that one asks. */
export const RESOLVER_FILES = [
  "/etc/resolv.conf",
  "/run/systemd/resolve/resolv.conf",
  "/run/NetworkManager/no-stub-resolv.conf",
] as const;

/** What a resolver's library takes at most (resolv.conf(5)). */
const MAX_SERVERS = 3;

/**
 * The name servers that guests can ask, too: those of the first text that names any which do not stand on the host's own
 * loopback. IPv4, since guests have nothing else.
 *
 * @param texts in the form of resolv.conf(5).
 */
export function pickResolvers(texts: readonly string[]): readonly string[] {
  for (const text of texts) {
    const servers = text
      .split("\n")
      .flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? [])
      .filter((server) => isIPv4(server) && !server.startsWith("127.") && server !== "0.0.0.0");
    if (servers.length > 0) return servers.slice(0, MAX_SERVERS);
  }
  return [];
}
