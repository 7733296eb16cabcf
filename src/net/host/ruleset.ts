import type { PublishedPort } from "../../model/published-port.ts";
import { ANY_ADDRESS } from "../published-port.ts";
import { WALLED_ADDRESSES } from "../walled-addresses.ts";

/** A VM whose network the host makes: what the rules must know of it. */
export interface RuledVm {
  readonly vmId: string;
  readonly device: string;
  /** Without prefix length. */
  readonly address: string;
  readonly gateway: string;
  readonly dns: readonly string[];
  readonly publish: readonly PublishedPort[];
  readonly allowHost: boolean;
  readonly allowVms: boolean;
}

/** The one table that an instance of banger has; nothing outside it is ever touched. */
export function tableName(instance: string): string {
  return `banger-${instance}`;
}

/**
 * The whole table for the VMs that are up, as a script of nft(8). It replaces what was there in one transaction, so it may
 * be applied at any time, any number of times; connections go on, since the kernel keeps them elsewhere. For no VMs it
 * leaves no table.
 *
 * - `from_guests`: each guest speaks as itself, and nobody else as a guest.
 * - `not_led_away`: what a guest sends to the host stays with the host, where `to_host` judges it, before a rule of
 *   somebody else's (Docker's for its published ports) can lead it on, past that. The first translation is the only one.
 * - `from_host`: what the host tells everyone around it, names and services, is not for guests.
 *
 * Sets rather than rules: however many VMs there are, a packet passes the same few rules.
 */
export function ruleset(instance: string, vms: readonly RuledVm[]): string {
  const table = `table inet ${tableName(instance)}`;
  const gone = `${table} {}\ndelete ${table}\n`;
  if (vms.length === 0) return gone;
  return `${gone}${table} {
${setsOf(vms).join("\n")}
	chain from_guests {
		type filter hook prerouting priority raw; policy accept;
		iifname != @vm_devices ip saddr @vm_addresses drop
		iifname != @vm_devices accept
		meta nfproto ipv6 drop
		ip daddr 127.0.0.0/8 drop
		iifname . ip saddr != @vm_senders drop
	}
	chain not_led_away {
		type nat hook prerouting priority dstnat - 10; policy accept;
		iifname != @vm_devices accept
		iifname @may_reach_host accept
		ip daddr @name_servers meta l4proto { tcp, udp } th dport 53 accept
		meta l4proto != icmp fib daddr type local redirect
	}
	chain published {
		type nat hook prerouting priority dstnat; policy accept;
${vms
  .filter((vm) => vm.allowHost)
  .map(gatewayIsLoopback)
  .join("\n")}
		iifname @vm_devices accept
${vms.flatMap(publishedOutside).join("\n")}
	}
	chain published_here {
		type nat hook output priority -100; policy accept;
${vms.flatMap(publishedHere).join("\n")}
	}
	chain outward {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr @vm_addresses oifname != @vm_devices masquerade
		ip saddr 127.0.0.0/8 oifname @vm_devices masquerade
	}
	chain to_host {
		type filter hook input priority filter; policy accept;
		iifname != @vm_devices accept
		ct state established,related accept
		iifname @may_reach_host accept
		icmp type echo-request iifname . ip daddr @gateways accept
		icmp type echo-request drop
		ip daddr @name_servers meta l4proto { tcp, udp } th dport 53 accept
		meta l4proto tcp reject with tcp reset
		reject with icmpx admin-prohibited
	}
	chain from_host {
		type filter hook output priority filter; policy accept;
		oifname != @vm_devices accept
		oifname @may_reach_host accept
		meta nfproto ipv6 drop
		ip daddr { 224.0.0.0/4, 255.255.255.255 } drop
		fib daddr . oif type broadcast drop
	}
	chain passing {
		type filter hook forward priority filter; policy accept;
		iifname != @vm_devices oifname != @vm_devices accept
		tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
		ct state established,related accept
		oifname @vm_devices jump to_guest
		ip daddr @name_servers meta l4proto { tcp, udp } th dport 53 accept
		iifname @may_reach_host accept
		ip daddr @walled reject with icmpx admin-prohibited
	}
	chain to_guest {
		iifname @vm_devices jump between_guests
		ct status dnat accept
		drop
	}
	chain between_guests {
		iifname @may_reach_vms oifname @may_reach_vms accept
		reject with icmpx admin-prohibited
	}
}
`;
}

/** Names that are words of nft's own language (`devices`) are not to be had. */
function setsOf(vms: readonly RuledVm[]): readonly string[] {
  const devices = (wanted: readonly RuledVm[]): readonly string[] => wanted.map(({ device }) => quote(device));
  const senders = vms.map(({ device, address }) => `${quote(device)} . ${address}`);
  const gateways = vms.map(({ device, gateway }) => `${quote(device)} . ${gateway}`);
  const addresses = vms.map(({ address }) => address);
  const resolvers = [...new Set(vms.flatMap(({ dns }) => dns))];
  return [
    set("vm_devices", "type ifname", devices(vms)),
    set("may_reach_host", "type ifname", devices(vms.filter((vm) => vm.allowHost))),
    set("may_reach_vms", "type ifname", devices(vms.filter((vm) => vm.allowVms))),
    set("vm_senders", "type ifname . ipv4_addr", senders),
    set("gateways", "type ifname . ipv4_addr", gateways),
    set("vm_addresses", "type ipv4_addr", addresses),
    set("name_servers", "type ipv4_addr", resolvers),
    set("walled", "type ipv4_addr; flags interval", WALLED_ADDRESSES),
  ];
}

function set(name: string, type: string, elements: readonly string[]): string {
  const held = elements.length === 0 ? "" : `; elements = { ${elements.join(", ")} }`;
  return `\tset ${name} { ${type}${held}; }`;
}

/** As in every other way of making a network, the gateway is the host's loopback for who may reach it. */
function gatewayIsLoopback({ device, gateway }: RuledVm): string {
  return `\t\tiifname ${quote(device)} ip daddr ${gateway} meta l4proto { tcp, udp } dnat ip to 127.0.0.1`;
}

/**
 * For who comes by an interface. A port of one address is had only by the interface that has that address: Linux takes
 * packets for any of its addresses from everywhere, and so would a neighbour's frame that says 127.0.0.1. Ports of the
 * host's loopback are not led here at all, since what the host itself sends there passes the chain of its output.
 */
function publishedOutside({ address, publish, vmId }: RuledVm): readonly string[] {
  return publish
    .filter(({ hostAddress }) => !hostAddress.startsWith("127."))
    .map((port) => {
      const at =
        port.hostAddress === ANY_ADDRESS
          ? "ip daddr != 127.0.0.0/8 fib daddr type local"
          : `ip daddr ${port.hostAddress} fib daddr . iif type local`;
      return leadTo(address, port, at, vmId);
    });
}

/** For the host's own programs. */
function publishedHere({ address, publish, vmId }: RuledVm): readonly string[] {
  return publish.map((port) => {
    const isAny = port.hostAddress === ANY_ADDRESS;
    const at = isAny ? "fib daddr type local meta nfproto ipv4" : `ip daddr ${port.hostAddress}`;
    return leadTo(address, port, at, vmId);
  });
}

function leadTo(address: string, { hostPort, guestPort }: PublishedPort, at: string, vmId: string): string {
  return `\t\t${at} tcp dport ${hostPort} dnat ip to ${address}:${guestPort} comment ${quote(vmId)}`;
}

function quote(text: string): string {
  return `"${text}"`;
}
