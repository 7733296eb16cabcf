import { lookup, type LookupAddress, type LookupOptions } from "node:dns";
import { BlockList, isIP } from "node:net";

/** Link-local addresses, where clouds answer with credentials to whoever asks from inside (RFC 3927, RFC 4291). */
const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet("169.254.0.0", 16, "ipv4");
LINK_LOCAL.addSubnet("fe80::", 10, "ipv6");
// Metadata services outside of link-local: AWS over IPv6, Alibaba.
LINK_LOCAL.addAddress("fd00:ec2::254", "ipv6");
LINK_LOCAL.addAddress("100.100.100.200", "ipv4");

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

export function isLinkLocal(address: string): boolean {
  return listed(LINK_LOCAL, address);
}

/** Whether a host, as it stands in a URL, is this machine: `localhost`, 127.0.0.0/8, ::1. */
export function isLoopbackHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return host === "localhost" || host.endsWith(".localhost") || listed(LOOPBACK, host);
}

type Lookup = (
  hostname: string,
  options: LookupOptions,
  callback: (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void,
) => void;

/** `dns.lookup` that knows no link-local addresses: a name is no way around the guard. */
export const guardedLookup: Lookup = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, []);
    const allowed = addresses.filter(({ address }) => !isLinkLocal(address));
    const first = allowed[0];
    if (first === undefined) return callback(new Error(`${hostname} is a link-local address`), []);
    if (options.all === true) return callback(null, allowed);
    callback(null, first.address, first.family);
  });
};

function listed(list: BlockList, address: string): boolean {
  const host = address.replace(/^\[|\]$/g, "");
  const family = isIP(host);
  if (family === 0) return false;
  // BlockList sees through IPv4-mapped IPv6 addresses by itself.
  return list.check(host, family === 4 ? "ipv4" : "ipv6");
}
