import { formatBytes, type Bytes } from "../lib/bytes.ts";
import { BangerError } from "../lib/errors.ts";

/**
 * Ways to give a VM its own copy of a read-only disk, cheapest first. A reflink shares blocks in the file system, a qcow2
 * overlay names its base, a sparse copy has it all but the holes.
 */
export const CLONE_STRATEGIES = ["reflink", "qcow2", "sparse-copy"] as const;
export type CloneStrategy = (typeof CLONE_STRATEGIES)[number];

export type DiskFormat = "raw" | "qcow2";

const FORMAT_OF: Readonly<Record<CloneStrategy, DiskFormat>> = {
  reflink: "raw",
  qcow2: "qcow2",
  "sparse-copy": "raw",
};

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
  readonly reflink: boolean;
  readonly qcow2: boolean;
  readonly formats: ReadonlySet<DiskFormat>;
  readonly freeBytes: Bytes;
}

export interface ClonePlan {
  readonly strategy: CloneStrategy;
  readonly format: DiskFormat;
  readonly base: string;
  readonly target: string;
  /** What the guest will see: the base's size or more. */
  readonly sizeBytes: Bytes;
  /** What the copy takes from the start; checked against free space before anything is written. */
  readonly reserveBytes: number;
}

/** Room for an overlay's header and tables, or a reflink's extents, and the first writes. */
const OVERLAY_BYTES = 1024 ** 2;

/**
 * Picks the cheapest strategy that both sides know and that fits the space left.
 *
 * @throws BangerError `VM_SPEC_INVALID` for a size below the base's; `DISK_NO_STRATEGY` if host and driver share none;
 *         `DISK_FULL` if those they share do not fit.
 */
export function planClone(base: BaseDisk, target: string, sizeBytes: Bytes, able: CloneAbilities): ClonePlan {
  if (sizeBytes < base.sizeBytes) throw tooSmall(base, sizeBytes);
  const shared = CLONE_STRATEGIES.filter(
    (strategy) => hostCan(strategy, able) && able.formats.has(FORMAT_OF[strategy]),
  );
  if (shared.length === 0) {
    throw new BangerError("DISK_NO_STRATEGY", {
      what: `there is no way to give the VM its own copy of ${base.path}`,
      why: `the VMM takes ${[...able.formats].join(" and ")} disks, and this host can make none of those`,
      fix: "run `banger doctor`",
    });
  }
  const strategy = shared.find((candidate) => reserve(candidate, base) <= able.freeBytes);
  if (strategy === undefined) {
    const needed = Math.min(...shared.map((candidate) => reserve(candidate, base)));
    throw new BangerError("DISK_FULL", {
      what: `there is no space for the VM's disk at ${target}`,
      why: `it takes ${formatBytes(needed)}, and ${formatBytes(able.freeBytes)} are free`,
      fix: "delete VMs or images, or move XDG_DATA_HOME to a larger disk",
    });
  }
  const reserveBytes = reserve(strategy, base);
  return { strategy, format: FORMAT_OF[strategy], base: base.path, target, sizeBytes, reserveBytes };
}

function hostCan(strategy: CloneStrategy, able: CloneAbilities): boolean {
  return strategy === "sparse-copy" || able[strategy];
}

/** A copy-on-write clone starts empty; a copy costs what the base occupies, not its virtual size. */
function reserve(strategy: CloneStrategy, base: BaseDisk): number {
  return strategy === "sparse-copy" ? base.usedBytes : OVERLAY_BYTES;
}

function tooSmall(base: BaseDisk, sizeBytes: Bytes): BangerError {
  return new BangerError("VM_SPEC_INVALID", {
    what: `a disk of ${formatBytes(sizeBytes)} is too small for this image`,
    why: `the image's own disk has ${formatBytes(base.sizeBytes)}, and a file system cannot be cut`,
    fix: `ask for at least ${formatBytes(base.sizeBytes)}, or leave --disk-size out`,
    data: { sizeBytes, baseBytes: base.sizeBytes },
  });
}
