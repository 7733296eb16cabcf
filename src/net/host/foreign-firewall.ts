import { z } from "zod";
import type { WayFound } from "../../model/network.ts";
import { DEVICE_PREFIX } from "./device.ts";

/** Of `nft --json list chains` (libnftables-json(5)), what is read here. */
const chainsSchema = z.object({
  nftables: z.array(
    z.object({
      chain: z
        .object({
          family: z.string(),
          table: z.string(),
          name: z.string(),
          hook: z.string().optional(),
          policy: z.string().optional(),
        })
        .optional(),
    }),
  ),
});

/**
 * A chain of another's that drops what the host forwards unless told otherwise, as Docker and ufw set up. What one table
 * drops, no other can let pass; and the user's tables are the user's.
 *
 * @param json what nft says.
 */
export function foreignForwardDrop(json: string, ownTable: string): WayFound | undefined {
  const chains = chainsSchema.parse(JSON.parse(json)).nftables.flatMap(({ chain }) => chain ?? []);
  const drop = chains.find(
    ({ family, table, hook, policy }) =>
      hook === "forward" && policy === "drop" && family !== "bridge" && family !== "ip6" && table !== ownTable,
  );
  if (drop === undefined) return undefined;
  const { family, table, name } = drop;
  const docker = chains.some((chain) => chain.name === "DOCKER-USER");
  const [add, take] = docker
    ? ["iptables -I DOCKER-USER", "iptables -D DOCKER-USER"]
    : ["iptables -I FORWARD", "iptables -D FORWARD"];
  const both = (words: string): string =>
    `sudo ${words} -i ${DEVICE_PREFIX}+ -j ACCEPT; sudo ${words} -o ${DEVICE_PREFIX}+ -j ACCEPT`;
  return {
    usable: false,
    onRequest: true,
    summary: `a firewall drops what this host forwards (chain ${name} of table ${family} ${table})`,
    fix: `${both(add)}; and nat = "nftables" in config.toml`,
    undo: both(take),
  };
}
