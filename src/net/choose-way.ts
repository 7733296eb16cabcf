import { BangerError } from "../lib/errors.ts";
import { aboutFields } from "../model/fields/about-fields.ts";
import { NETWORK_WAYS, type NatChoice, type NetworkWay, type NetworkWays } from "../model/network.ts";

export interface WayChosen {
  readonly way: NetworkWay;
  /** For `vm inspect`. */
  readonly why: string;
}

/** What the network of a VM must be able to do, where not all ways can. */
export interface WayWishes {
  readonly allowHost: boolean;
  readonly allowVms: boolean;
}

/**
 * Chooses how a VM's network is made. `auto` takes the first way that is usable here: on the host itself, in a namespace,
 * inside QEMU.
 *
 * @param asked `nat` of the configuration.
 * @throws BangerError `NETWORK_UNAVAILABLE` if what was asked for cannot be had.
 */
export function chooseWay(asked: NatChoice, wishes: WayWishes, ways: NetworkWays): WayChosen {
  const way = asked === "auto" ? NETWORK_WAYS.find((candidate) => ways[candidate].usable) : asked;
  if (way === undefined || !(ways[way].usable || ways[way].onRequest === true)) throw unavailable(way ?? "user", ways);
  if (wishes.allowVms && way !== "nftables") {
    const { summary, fix } = ways.nftables;
    throw new BangerError("NETWORK_UNAVAILABLE", {
      what: "`allowVms` needs VMs on networks of the host itself, and this one gets none",
      why: asked === "auto" ? summary : `the configuration says nat = "${asked}"`,
      fix: `${fix ?? "see `banger doctor`"}; or publish a port of one VM, and give the other \`allowHost\``,
      data: aboutFields("allowVms", "allowHost"),
    });
  }
  const passed = asked === "auto" ? NETWORK_WAYS.slice(0, NETWORK_WAYS.indexOf(way)) : [];
  const reasons = passed.map((other) => `not by ${other}: ${ways[other].summary}`);
  const first = asked === "auto" ? ways[way].summary : `the configuration says nat = "${asked}"`;
  const wall = way === "user" && !wishes.allowHost ? [NO_WALL] : [];
  return { way, why: [first, ...wall, ...reasons].join("; ") };
}

/** Said wherever a VM gets less of a wall than it was promised. */
export const NO_WALL = "there is no wall between this VM and its host: it reaches what listens on the host's loopback";

function unavailable(way: NetworkWay, ways: NetworkWays): BangerError {
  const { summary, fix } = ways[way];
  return new BangerError("NETWORK_UNAVAILABLE", {
    what: `a network by ${way} cannot be had on this host`,
    why: summary,
    fix: fix ?? "see `banger doctor`, or set another `nat` in config.toml",
    data: { way },
  });
}
