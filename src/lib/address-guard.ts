import { lookup, type LookupAddress, type LookupOptions } from "node:dns";
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";

/**
 * Link-local addresses, where clouds answer with credentials to whoever asks from inside (RFC 3927, RFC 4291), and the
 * addresses at which they do so elsewhere. `net/walled-addresses.ts` keeps guests from the same, and names them.
 */
const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet("169.254.0.0", 16, "ipv4");
LINK_LOCAL.addSubnet("fe80::", 10, "ipv6");
LINK_LOCAL.addAddress("fd00:ec2::254", "ipv6");
LINK_LOCAL.addAddress("100.100.100.200", "ipv4");
LINK_LOCAL.addAddress("168.63.129.16", "ipv4");
LINK_LOCAL.addAddress("192.0.0.192", "ipv4");

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** "This host on this network" (RFC 1122, 3.2.1.3): Linux connects to itself. */
const UNSPECIFIED = new BlockList();
UNSPECIFIED.addSubnet("0.0.0.0", 8, "ipv4");
UNSPECIFIED.addAddress("::", "ipv6");

/** Who named a server: absent where the user did, by hand or in the configuration. */
export interface LinkedBy {
  /** Whether the server that leads to it runs on this machine. */
  readonly isHere: boolean;
}

/** An address that must not be connected to. */
export class ForbiddenAddress extends Error {}

/** Whether a host, as it stands in a URL, is a link-local or metadata address. */
export function isLinkLocal(hostname: string): boolean {
  return listed(LINK_LOCAL, bare(hostname));
}

/** Whether a host, as it stands in a URL, is the loopback: `localhost`, 127.0.0.0/8, ::1. */
export function isLoopbackHost(hostname: string): boolean {
  const host = bare(hostname);
  return host === "localhost" || host.endsWith(".localhost") || listed(LOOPBACK, host);
}

/** Whether a host, as it stands in a URL, or an address is this machine: its loopback, or any address that it has now. */
export function isThisMachine(hostname: string): boolean {
  return isLoopbackHost(hostname) || listed(UNSPECIFIED, bare(hostname)) || listed(ownAddresses(), bare(hostname));
}

/**
 * Why a host must not be connected to; undefined where it may. A name tells nothing here: {@link guardedLookup} judges
 * what it resolves to.
 */
export function whyForbidden(hostname: string, linkedBy: LinkedBy | undefined): string | undefined {
  if (isLinkLocal(hostname)) return "it is a link-local address, or one where clouds hand out credentials";
  // Whoever is out there has no business with the services of this machine.
  const mayBeHere = linkedBy === undefined || linkedBy.isHere;
  return !mayBeHere && isThisMachine(hostname) ? "another server may not lead to this machine" : undefined;
}

type Lookup = (
  hostname: string,
  options: LookupOptions,
  callback: (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void,
) => void;

/**
 * `dns.lookup` that knows no forbidden addresses. It is asked at the moment of connecting, and what it answers is what is
 * connected to: neither a name nor one that soon means something else is a way around the guard.
 *
 * @param target the host that is meant. Another name is a proxy's, which the user chose.
 */
export function guardedLookup(target: string, linkedBy: LinkedBy | undefined): Lookup {
  return (hostname, options, callback) => {
    const trust = hostname === bare(target) || hostname === target ? linkedBy : undefined;
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const allowed = addresses.filter(({ address }) => whyForbidden(address, trust) === undefined);
      const first = allowed[0];
      if (first === undefined) {
        const [why] = addresses.map(({ address }) => whyForbidden(address, trust));
        return callback(new ForbiddenAddress(why ?? "it has no address"), []);
      }
      if (options.all === true) return callback(null, allowed);
      callback(null, first.address, first.family);
    });
  };
}

/** Those of all interfaces, as they are now. */
function ownAddresses(): BlockList {
  const own = new BlockList();
  for (const entry of Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])) {
    own.addAddress(entry.address, entry.family === "IPv4" ? "ipv4" : "ipv6");
  }
  return own;
}

function listed(list: BlockList, host: string): boolean {
  const family = isIP(host);
  if (family === 0) return false;
  // BlockList sees through IPv4-mapped IPv6 addresses by itself.
  return list.check(host, family === 4 ? "ipv4" : "ipv6");
}

/** Without the brackets of IPv6, a zone, and the dot that may end a name (RFC 1034, 3.1). */
function bare(hostname: string): string {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return host.replace(/\.$/, "").replace(/%.*$/, "");
}
