import type { PublishedPort } from "../model/published-port.ts";
import type { VmNetwork } from "../model/vm.ts";
import { macOf } from "./mac-address.ts";

/**
 * Addresses that libslirp gives, the same inside every VM, whether QEMU or slirp4netns uses it: each VM has a network of
 * its own (QEMU documentation, "Network emulation", `-netdev user`; slirp4netns(1)). The gateway is the host's loopback
 * where the guest may reach it.
 */
export const SLIRP = {
  network: "10.0.2.0/24",
  guest: "10.0.2.15",
  prefixLength: 24,
  gateway: "10.0.2.2",
  dns: "10.0.2.3",
} as const;

/** What a guest behind libslirp is told. Same VM, same plan. */
export function slirpGuest(vmId: string): Pick<VmNetwork & { mode: "user" }, "mac" | "address" | "gateway" | "dns"> {
  return {
    mac: macOf(vmId),
    address: `${SLIRP.guest}/${SLIRP.prefixLength}`,
    gateway: SLIRP.gateway,
    dns: [SLIRP.dns],
  };
}

/** The network of a VM whose VMM translates by itself: it reaches what the host reaches, and the host's loopback. */
export function planUserNetwork(vmId: string, publish: readonly PublishedPort[] = []): VmNetwork & { mode: "user" } {
  return { mode: "user", ...slirpGuest(vmId), publish };
}
