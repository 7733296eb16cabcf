import { ipBatch, nftScript, setting, type Step } from "../steps.ts";
import { deviceAlias } from "./device.ts";
import { ruleset, type RuledVm } from "./ruleset.ts";

export interface HostVm extends RuledVm {
  /** With its prefix length, as the device's own side has it too. */
  readonly prefixLength: number;
  readonly mtu: number;
}

/**
 * Gives one more VM its device. The rules come first: from its first packet on it is held to them.
 *
 * @param others the VMs that are up already.
 */
export function planUp(instance: string, vm: HostVm, others: readonly RuledVm[]): readonly Step[] {
  const { device } = vm;
  return [
    nftScript(ruleset(instance, [...others, vm])),
    ipBatch([`tuntap add dev ${device} mode tap`, `link set dev ${device} alias ${deviceAlias(instance, vm.vmId)}`]),
    { do: "set", path: `/proc/sys/net/ipv6/conf/${device}/disable_ipv6`, value: "1", ifThere: true },
    // Of this device alone. The second lets packets pass that come from, and go to, 127.0.0.1 (ports published there, and
    // services of the host's loopback); chain from_guests drops what a guest itself would send there.
    setting(`ipv4/conf/${device}/forwarding`, "1"),
    setting(`ipv4/conf/${device}/route_localnet`, "1"),
    // Else the kernel answers a guest's ARP for every address of the host, 127.0.0.1 as well (ip-sysctl, arp_ignore).
    setting(`ipv4/conf/${device}/arp_ignore`, "1"),
    ipBatch([
      `addr add ${vm.gateway}/${vm.prefixLength} dev ${device}`,
      `link set dev ${device} mtu ${vm.mtu}`,
      // Programs that tell a network of the host (mDNS, LLMNR) leave such a device out; chain from_host holds the others.
      ...(vm.allowHost ? [] : [`link set dev ${device} multicast off`]),
      `link set dev ${device} up`,
    ]),
  ];
}

/**
 * Takes devices away, and the rules for them. Safe where nothing of them is there.
 *
 * @param devices those that are there.
 * @param others the VMs that stay up.
 */
export function planDown(instance: string, devices: readonly string[], others: readonly RuledVm[]): readonly Step[] {
  const links = devices.map((device) => `link delete dev ${device}`);
  return [...(links.length === 0 ? [] : [ipBatch(links)]), nftScript(ruleset(instance, others))];
}
