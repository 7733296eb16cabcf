import { createHash } from "node:crypto";
import { BangerError } from "../../lib/errors.ts";
import { blockSize, formatAddress, overlap, parseBlock, type Block } from "../ipv4.ts";

/**
 * Where VMs' addresses come from unless `nat_range` says otherwise, in order: private (RFC 1918), and used by neither
 * Docker, Podman, Kubernetes, libvirt nor LXD as they come.
 */
export const DEFAULT_RANGES = ["10.213.0.0/16", "172.31.208.0/20", "192.168.213.0/24"] as const;

/** Network, gateway, guest, broadcast: the smallest block that every guest understands. */
const BLOCK_LENGTH = 30;

export interface PoolQuery {
  readonly vmId: string;
  /** As `10.213.0.0/16`. */
  readonly ranges: readonly string[];
  /** Where the host's routes lead, but for the default one and this VM's own; and other VMs' addresses. */
  readonly taken: readonly string[];
  /** What the VM had last, and has again where it can. */
  readonly previous?: string;
}

export interface AddressPair {
  /** With its prefix length: `10.213.4.6/30`. */
  readonly address: string;
  readonly gateway: string;
}

/**
 * Two addresses that nothing on this host uses. The same VM gets the same where it can: its id says where the search
 * begins.
 *
 * @throws BangerError `NETWORK_UNAVAILABLE` when all are taken.
 */
export function pickAddresses({ vmId, ranges, taken, previous }: PoolQuery): AddressPair {
  const used = taken.flatMap((text) => parseBlock(text) ?? []);
  const isFree = (block: Block): boolean => !used.some((other) => overlap(block, other));
  const blocks = ranges.flatMap((text) => parseBlock(text) ?? []);
  const last = previous === undefined ? undefined : parseBlock(previous);
  if (last?.prefixLength === BLOCK_LENGTH && blocks.some((range) => overlap(range, last)) && isFree(last)) {
    return pairOf(last);
  }
  const start = createHash("sha256").update(vmId).digest().readUInt32BE(0);
  for (const range of blocks) {
    const count = Math.floor(blockSize(range) / 4);
    for (let tried = 0; tried < count; tried++) {
      const block = { first: range.first + ((start + tried) % count) * 4, prefixLength: BLOCK_LENGTH };
      if (isFree(block)) return pairOf(block);
    }
  }
  throw new BangerError("NETWORK_UNAVAILABLE", {
    what: "no addresses are left for this VM",
    why: `the host has routes, or other VMs, in all of ${ranges.join(", ")}`,
    fix: 'set a private range that is free here, as in nat_range = "10.99.0.0/16", in config.toml',
    data: { ranges },
  });
}

function pairOf({ first, prefixLength }: Block): AddressPair {
  return { address: `${formatAddress(first + 2)}/${prefixLength}`, gateway: formatAddress(first + 1) };
}
