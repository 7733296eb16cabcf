import type { VmNetwork, VmSpec } from "../../model/vm.ts";
import { macOf } from "../mac-address.ts";
import { applySteps, type ApplyOptions } from "../steps.ts";
import { DEFAULT_RANGES, pickAddresses } from "./address-pool.ts";
import { aliasOwner, deviceName } from "./device.ts";
import { hostLinks, type HostFacts } from "./host-facts.ts";
import { planDown, planUp } from "./host-plan.ts";
import type { RuledVm } from "./ruleset.ts";

type TapNetwork = VmNetwork & { readonly mode: "tap" };

/** A VM with its network on the host, as far as that matters here. */
export interface NetworkedVm {
  readonly id: string;
  readonly spec: Pick<VmSpec, "publish" | "allowHost" | "allowVms">;
  readonly network: TapNetwork;
}

/**
 * A VM's device and addresses on the host's own network.
 *
 * @param others addresses of the other VMs, running or not.
 * @throws BangerError `NETWORK_UNAVAILABLE` when no addresses are left.
 */
export function planHostNetwork(
  vmId: string,
  facts: HostFacts,
  others: readonly string[],
  options: { readonly range?: string | undefined; readonly previous?: string | undefined },
): TapNetwork {
  const device = deviceName(vmId);
  const routes = facts.routes.filter((route) => route.device !== device).map(({ block }) => block);
  const pair = pickAddresses({
    vmId,
    ranges: options.range === undefined ? DEFAULT_RANGES : [options.range],
    taken: [...routes, ...others],
    ...(options.previous !== undefined && { previous: options.previous }),
  });
  return {
    mode: "tap",
    device,
    mac: macOf(vmId),
    ...pair,
    dns: [...facts.resolvers],
    mtu: facts.uplink?.mtu ?? 1500,
    via: "nftables",
  };
}

/** Gives a VM its device, and puts it under the rules; `others` are the VMs that are up already. */
export async function raiseHostNetwork(
  instance: string,
  vm: NetworkedVm,
  others: readonly NetworkedVm[],
  options: ApplyOptions = {},
): Promise<void> {
  const [, prefixLength = "30"] = vm.network.address.split("/");
  const hostVm = { ...ruled(vm), prefixLength: Number(prefixLength), mtu: vm.network.mtu };
  await applySteps(planUp(instance, hostVm, others.map(ruled)), options);
}

/**
 * Leaves these VMs with a network, and takes away what those have that are to be forgotten: after a crash as well.
 *
 * @param forget VMs whose devices are looked for by mark and by name: one may have died before it was marked as ours.
 * @returns the devices that were removed.
 */
export async function settleHostNetworks(
  instance: string,
  keep: readonly NetworkedVm[],
  forget: readonly string[],
  options: ApplyOptions = {},
): Promise<readonly string[]> {
  const kept = new Set(keep.map(({ id }) => id));
  const forgotten = new Set(forget.filter((id) => !kept.has(id)));
  const named = new Set([...forgotten].map(deviceName));
  const lost = (await hostLinks(options.signal)).filter(({ name, alias }) => {
    const owner = alias === undefined ? undefined : aliasOwner(instance, alias);
    // One of a VM that nobody names is not ours to take away.
    return owner === undefined ? named.has(name) : forgotten.has(owner);
  });
  const devices = lost.map(({ name }) => name);
  await applySteps(planDown(instance, devices, keep.map(ruled)), options);
  return devices;
}

function ruled({ id, spec, network }: NetworkedVm): RuledVm {
  const [address = ""] = network.address.split("/");
  return {
    vmId: id,
    device: network.device,
    address,
    gateway: network.gateway,
    dns: network.dns,
    publish: spec.publish,
    allowHost: spec.allowHost,
    allowVms: spec.allowVms,
  };
}
