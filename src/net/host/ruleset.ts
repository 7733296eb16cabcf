import type { PublishedPort } from "../../model/vm.ts";
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
		iifname != @vm_devices accept
		meta nfproto ipv6 drop
		ip daddr 127.0.0.0/8 drop
		iifname . ip saddr != @vm_senders drop
	}
	chain published {
		type nat hook prerouting priority dstnat; policy accept;
${vms
  .filter((vm) => vm.allowHost)
  .map(gatewayIsLoopback)
  .join("\n")}
		iifname @vm_devices accept
${vms.flatMap(publishRules).join("\n")}
	}
	chain published_here {
		type nat hook output priority -100; policy accept;
${vms.flatMap(publishRules).join("\n")}
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
		icmp type echo-request accept
		ip daddr @name_servers meta l4proto { tcp, udp } th dport 53 accept
		meta l4proto tcp reject with tcp reset
		reject with icmpx admin-prohibited
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
  const addresses = vms.map(({ address }) => address);
  const resolvers = [...new Set(vms.flatMap(({ dns }) => dns))];
  return [
    set("vm_devices", "type ifname", devices(vms)),
    set("may_reach_host", "type ifname", devices(vms.filter((vm) => vm.allowHost))),
    set("may_reach_vms", "type ifname", devices(vms.filter((vm) => vm.allowVms))),
    set("vm_senders", "type ifname . ipv4_addr", senders),
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

function publishRules({ address, publish, vmId }: RuledVm): readonly string[] {
  return publish.map(({ hostAddress, hostPort, guestPort }) => {
    const at = hostAddress === "0.0.0.0" ? "fib daddr type local meta nfproto ipv4" : `ip daddr ${hostAddress}`;
    return `\t\t${at} tcp dport ${hostPort} dnat ip to ${address}:${guestPort} comment ${quote(vmId)}`;
  });
}

function quote(text: string): string {
  return `"${text}"`;
}
