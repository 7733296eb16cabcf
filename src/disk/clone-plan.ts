import { formatBytes, type Bytes } from "../lib/bytes.ts";
import { BangerError } from "../lib/errors.ts";
import { aboutFields } from "../model/fields/about-fields.ts";
import { DISK_STRATEGIES } from "../model/fields/choices.ts";
import type { DiskStrategy, VmDisk } from "../model/vm.ts";

export type DiskFormat = VmDisk["format"];

/** What a VMM is given to read. */
const FORMAT_OF: Readonly<Record<DiskStrategy, DiskFormat>> = {
  reflink: "raw",
  qcow2: "qcow2",
  "dm-snapshot": "raw",
  "sparse-copy": "raw",
};

/** Those of which the copy reads what was not written from its base, for as long as it lives. */
const LEANS_ON_BASE: ReadonlySet<DiskStrategy> = new Set(["qcow2", "dm-snapshot"]);

/** A disk that is copied from and never written to: raw, and sparse where it can be. */
export interface BaseDisk {
  readonly path: string;
  /** What a guest sees. */
  readonly sizeBytes: Bytes;
  /** What it takes on the host. */
  readonly usedBytes: Bytes;
}

/** What this host and this driver can do, as probe-clone.ts found it. */
export interface CloneAbilities {
  /** Why this host cannot do it, in words, for each of the ways that it cannot. */
  readonly lacks: Partial<Readonly<Record<DiskStrategy, string>>>;
  /** What the VMM reads. */
  readonly formats: ReadonlySet<DiskFormat>;
  readonly freeBytes: Bytes;
}

export interface ClonePlan {
  readonly strategy: DiskStrategy;
  readonly format: DiskFormat;
  readonly base: BaseDisk;
  readonly target: string;
  /** What the guest will see: the base's size or more. */
  readonly sizeBytes: Bytes;
  /** What the copy takes from the start; checked against free space before anything is written. */
  readonly reserveBytes: number;
  /** The base must stay as it is, and where it is, while the copy lives. */
  readonly leansOnBase: boolean;
}

/** Room for an overlay's header and tables, or a reflink's extents, and the first writes. */
const OVERLAY_BYTES = 1024 ** 2;

/**
 * Picks the cheapest strategy that both sides know and that fits the space left, or takes the one that is wanted.
 *
 * @throws BangerError `VM_SPEC_INVALID` for a size below the base's; `DISK_NO_STRATEGY` if host and driver share none, or
 *         not the one that is wanted; `DISK_FULL` if those they share do not fit.
 */
export function planClone(
  base: BaseDisk,
  target: string,
  sizeBytes: Bytes,
  able: CloneAbilities,
  wanted?: DiskStrategy,
): ClonePlan {
  if (sizeBytes < base.sizeBytes) throw tooSmall(base, sizeBytes);
  const shared = DISK_STRATEGIES.filter((strategy) => obstacle(strategy, able) === undefined);
  if (shared.length === 0) throw nothingShared(base, able);
  if (wanted !== undefined && !shared.includes(wanted)) throw cannot(wanted, able, shared);
  const candidates = wanted === undefined ? shared : [wanted];
  const strategy = candidates.find((candidate) => reserve(candidate, base) <= able.freeBytes);
  if (strategy === undefined) {
    const needed = Math.min(...candidates.map((candidate) => reserve(candidate, base)));
    throw new BangerError("DISK_FULL", {
      what: `there is no space for the VM's disk at ${target}`,
      why: `it takes ${formatBytes(needed)}, and ${formatBytes(able.freeBytes)} are free`,
      fix: "delete VMs or images, or move XDG_DATA_HOME to a larger disk",
    });
  }
  return {
    strategy,
    format: FORMAT_OF[strategy],
    base,
    target,
    sizeBytes,
    reserveBytes: reserve(strategy, base),
    leansOnBase: LEANS_ON_BASE.has(strategy),
  };
}

/** Why a strategy cannot be had, in words; undefined where it can. */
function obstacle(strategy: DiskStrategy, able: CloneAbilities): string | undefined {
  if (!able.formats.has(FORMAT_OF[strategy])) return `the VMM reads ${[...able.formats].join(" and ")} disks only`;
  return able.lacks[strategy];
}

/** A copy-on-write clone starts empty; a copy costs what the base occupies, not its virtual size. */
function reserve(strategy: DiskStrategy, base: BaseDisk): number {
  return strategy === "sparse-copy" ? base.usedBytes : OVERLAY_BYTES;
}

function nothingShared(base: BaseDisk, able: CloneAbilities): BangerError {
  return new BangerError("DISK_NO_STRATEGY", {
    what: `there is no way to give the VM its own copy of ${base.path}`,
    why: DISK_STRATEGIES.map((strategy) => `${strategy}: ${obstacle(strategy, able)}`).join("; "),
    fix: "run `banger doctor`",
  });
}

function cannot(wanted: DiskStrategy, able: CloneAbilities, shared: readonly DiskStrategy[]): BangerError {
  return new BangerError("DISK_NO_STRATEGY", {
    what: `the VM's disk cannot be made by ${wanted} here`,
    why: obstacle(wanted, able) ?? "",
    fix: `leave \`diskStrategy\` (or disk_strategy of the configuration) out, or take ${shared.join(" or ")}`,
    data: { ...aboutFields("diskStrategy"), wanted, shared },
  });
}

function tooSmall(base: BaseDisk, sizeBytes: Bytes): BangerError {
  return new BangerError("VM_SPEC_INVALID", {
    what: `a disk of ${formatBytes(sizeBytes)} is too small for this image`,
    why: `the image's own disk has ${formatBytes(base.sizeBytes)}, and a file system cannot be cut`,
    fix: `ask for at least ${formatBytes(base.sizeBytes)}, or leave \`diskSizeBytes\` out`,
    data: { ...aboutFields("diskSizeBytes"), sizeBytes, baseBytes: base.sizeBytes },
  });
}
