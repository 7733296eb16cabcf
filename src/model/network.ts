import { z } from "zod";

/** The ways of giving a VM a network, the most capable first. */
export const NETWORK_WAYS = ["nftables", "slirp4netns", "user"] as const;
export type NetworkWay = (typeof NETWORK_WAYS)[number];

/** Which way is asked for; `auto` leaves it to what the host can do. */
export const natChoiceSchema = z.enum(["auto", ...NETWORK_WAYS]);
export type NatChoice = z.infer<typeof natChoiceSchema>;

/** A way as it was found on this host. */
export interface WayFound {
  readonly usable: boolean;
  /** Not taken by itself, but where the configuration asks for it: whoever does so has mended what we cannot see. */
  readonly onRequest?: true;
  /** In words: what makes it usable, or what is missing. */
  readonly summary: string;
  /** The command that makes it usable, and the one that takes that back. */
  readonly fix?: string;
  readonly undo?: string;
}

export type NetworkWays = Readonly<Record<NetworkWay, WayFound>>;
