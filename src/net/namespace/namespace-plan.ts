import { SLIRP } from "../user-network.ts";
import { ipBatch, nftScript, setting, type Step } from "../steps.ts";
import { WALLED_ADDRESSES } from "../walled-addresses.ts";

/** Devices in a VM's own namespace: the VMM's, and the one that slirp4netns carries to the outside. */
export const VM_DEVICE = "tap0";
export const OUTER_DEVICE = "slirp0";

/** The largest that slirp4netns takes; it ends all connections itself, so that the path's own MTU does not matter. */
export const NAMESPACE_MTU = 65_520;

/** The namespace's own address, which nobody asks for: something must stand on slirp4netns's side of it. */
const OWN_ADDRESS = "10.0.2.100";

/** The chain of the namespace's table that refuses the host's addresses, as nft names it. */
export const HOST_WALL = "inet banger host_wall";

export interface NamespaceWishes {
  /** Addresses that the host itself has. */
  readonly hostAddresses: readonly string[];
  readonly allowHost: boolean;
}

/**
 * What is done inside a VM's namespace once slirp4netns has put its device there. The guest and slirp4netns think that
 * they share one network: each side's questions for the other's addresses are answered by the namespace (proxy ARP), which
 * forwards, and so can filter.
 */
export function planNamespace(wishes: NamespaceWishes): readonly Step[] {
  const both = [VM_DEVICE, OUTER_DEVICE];
  return [
    nftScript(namespaceRules(wishes)),
    ipBatch([`tuntap add dev ${VM_DEVICE} mode tap`, "link set dev lo up"]),
    setting("ipv4/ip_forward", "1"),
    ...both.map((device) => setting(`ipv4/conf/${device}/proxy_arp`, "1")),
    // Answers to questions for others would wait up to 0.8 s (arp(7)).
    ...both.map((device) => setting(`ipv4/neigh/${device}/proxy_delay`, "0")),
    ipBatch([
      ...both.map((device) => `link set dev ${device} mtu ${NAMESPACE_MTU} up`),
      `addr add ${OWN_ADDRESS}/${SLIRP.prefixLength} dev ${OUTER_DEVICE}`,
      `route add ${SLIRP.guest}/32 dev ${VM_DEVICE}`,
      `route add default via ${SLIRP.gateway} dev ${OUTER_DEVICE}`,
    ]),
  ];
}

/**
 * The wall between a guest and its host, in the namespace's own nftables.
 *
 * It comes before any state of connections: what a guest began stays judged by where it goes, so an address that the host
 * gets is closed to what was open before. Only answers pass by state, those of published ports.
 *
 * The host's addresses are a chain of rules rather than a set: they overlap (127.0.0.0/8 and 127.0.0.1), and nft before
 * 1.0.3 adds no element to a set of intervals that overlaps one there.
 */
export function namespaceRules({ hostAddresses, allowHost }: NamespaceWishes): string {
  const host = hostAddresses.map((address) => `		ip daddr ${address} reject with icmpx admin-prohibited\n`).join("");
  const wall = allowHost
    ? ""
    : `		ip daddr ${SLIRP.gateway} reject with icmpx admin-prohibited
		ip daddr @walled reject with icmpx admin-prohibited
		jump host_wall
`;
  return `table inet banger {
	set walled { type ipv4_addr; flags interval; auto-merge; elements = { ${WALLED_ADDRESSES.join(", ")} }; }
	chain host_wall {
${host}	}
	chain from_guest {
		type filter hook prerouting priority raw; policy accept;
		iifname != "${VM_DEVICE}" accept
		meta nfproto ipv6 drop
		ip saddr != ${SLIRP.guest} drop
	}
	chain to_namespace {
		type filter hook input priority filter; policy accept;
		iifname "${VM_DEVICE}" drop
	}
	chain passing {
		type filter hook forward priority filter; policy drop;
		iifname "${OUTER_DEVICE}" oifname "${VM_DEVICE}" accept
		iifname != "${VM_DEVICE}" drop
		meta l4proto tcp ct state established ct direction reply accept
		icmp type echo-request ip daddr ${SLIRP.gateway} accept
		ip daddr ${SLIRP.dns} meta l4proto { tcp, udp } th dport 53 accept
		ip daddr ${SLIRP.dns} reject with icmpx admin-prohibited
${wall}		accept
	}
}
`;
}

/** The same in place of those that are there, in one transaction. */
export function renewedRules(wishes: NamespaceWishes): string {
  return `table inet banger {}\ndelete table inet banger\n${namespaceRules(wishes)}`;
}

/** slirp4netns's arguments. Its device is left for us to configure. */
export function slirpArguments(holderPid: number, apiSocket: string, readyFd: number, allowHost: boolean) {
  return [
    ...(allowHost ? [] : ["--disable-host-loopback"]),
    "--enable-sandbox",
    "--enable-seccomp",
    `--mtu=${NAMESPACE_MTU}`,
    `--api-socket=${apiSocket}`,
    `--ready-fd=${readyFd}`,
    String(holderPid),
    OUTER_DEVICE,
  ];
}

/**
 * The words before a program that start it inside a namespace (nsenter(1)). As an ordinary user also in the user namespace
 * that owns it, where it may open the TAP device; outside, it is still that user.
 */
export function enterWords(holderPid: number, rootless: boolean): readonly string[] {
  const user = rootless ? ["--user", "--preserve-credentials"] : [];
  return ["nsenter", `--target=${holderPid}`, ...user, "--net", "--"];
}

/** The program that keeps a new namespace alive while nobody else is in it. */
export function holderWords(rootless: boolean): readonly string[] {
  return ["unshare", ...(rootless ? ["--user", "--map-root-user"] : []), "--net", "--", "sleep", "infinity"];
}
