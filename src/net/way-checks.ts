import type { Finding, HostCheck } from "../model/doctor.ts";
import type { NetworkWay, NetworkWays, WayFound } from "../model/network.ts";

/**
 * What networks for VMs (`--nat`) this host can make.
 *
 * @param isRoot whether the daemon runs as root: else the host's own network is not expected of it.
 * @param find looks at the ways there are; called for each check.
 */
export function wayChecks(isRoot: boolean, find: () => Promise<NetworkWays>): readonly HostCheck[] {
  return [
    {
      name: "nat-nftables",
      why: "as root, a network of the host itself is the fastest, and the only one where VMs can reach each other",
      essential: false,
      look: async () => describeWay("nftables", await find(), isRoot),
    },
    {
      name: "nat-slirp4netns",
      why: "without root, a VM's own network namespace is what keeps it from its host's services, and all that Firecracker can use",
      essential: false,
      look: async () => describeWay("slirp4netns", await find(), isRoot),
    },
  ];
}

export function describeWay(way: Exclude<NetworkWay, "user">, ways: NetworkWays, isRoot: boolean): Finding {
  const found = ways[way];
  const data = { ...found };
  if (found.usable) return { result: "ok", summary: found.summary, data };
  const summary = `not usable: ${found.summary}`;
  // What only root can have is no fault where nobody is root, nor one way where a better one is there.
  const excused = way === "nftables" ? !isRoot : ways.nftables.usable;
  if (excused) return { result: "ok", summary, data };
  return { result: "warn", summary, ...mend(found), data };
}

function mend({ fix, undo }: WayFound): { readonly fix?: string } {
  if (fix === undefined) return {};
  return { fix: undo === undefined ? fix : `${fix}   (undone by: ${undo})` };
}
