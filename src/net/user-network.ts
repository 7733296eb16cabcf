import { createHash } from "node:crypto";
import type { PublishedPort, VmNetwork } from "../model/vm.ts";

/**
 * Addresses of QEMU's user-mode network, the same inside every VM: each VM has a network of its own,
 * translated by its own QEMU process (QEMU documentation, "Network emulation", `-netdev user`).
 */
const SLIRP_GUEST = "10.0.2.15/24";
const SLIRP_GATEWAY = "10.0.2.2";
const SLIRP_DNS = "10.0.2.3";

/** The network of a VM that may reach the outside, without root on the host. Same VM, same plan. */
export function planUserNetwork(
  vmId: string,
  publish: readonly PublishedPort[] = [],
): Extract<VmNetwork, { mode: "user" }> {
  return { mode: "user", mac: macOf(vmId), address: SLIRP_GUEST, gateway: SLIRP_GATEWAY, dns: [SLIRP_DNS], publish };
}

/** A unicast address that is locally administered (IEEE 802: bit 1 of the first octet set, bit 0 clear). */
function macOf(vmId: string): string {
  const octets = createHash("sha256").update(vmId).digest().subarray(0, 6);
  const first = ((octets[0] ?? 0) & 0xfc) | 0x02;
  return [first, ...octets.subarray(1)].map((octet) => octet.toString(16).padStart(2, "0")).join(":");
}
