import { bytes, formatBytes, kib, type Bytes } from "../lib/bytes.ts";
import { BangerError } from "../lib/errors.ts";
import type { VmDisk } from "../model/vm.ts";
import { qcow2FileBytes } from "./qcow2-overlay.ts";

/** Ways to give a VM its own copy of a disk that is not written to, cheapest first. */
export const CLONE_STRATEGIES = ["reflink", "qcow2", "dm-snapshot", "sparse-copy"] as const;
export type CloneStrategy = (typeof CLONE_STRATEGIES)[number];

/** What a VM's disk looks like on the host, by the way it came about. */
const FORMATS: Readonly<Record<CloneStrategy, VmDisk["format"]>> = {
  reflink: "raw",
  qcow2: "qcow2",
  "dm-snapshot": "raw",
  "sparse-copy": "raw",
};

export interface BaseDisk {
  /** A raw file. Absolute, because an overlay keeps it by this name. */
  readonly path: string;
  /** What a guest would see. */
  readonly sizeBytes: Bytes;
  /** What it occupies on the host: it is sparse. */
  readonly usedBytes: Bytes;
}

/** What this host and this driver can do, as probe-clone.ts found it. */
export interface CloneAbilities {
  readonly host: ReadonlySet<CloneStrategy>;
  readonly driver: ReadonlySet<CloneStrategy>;
  readonly freeBytes: Bytes;
}

export interface CloneRequest extends CloneAbilities {
  /** What the guest is to see; at least the base's size. */
  readonly sizeBytes: Bytes;
}

export interface ClonePlan {
  readonly strategy: CloneStrategy;
  readonly format: VmDisk["format"];
  readonly base: BaseDisk;
  /** With the format's own ending: `root.qcow2`. */
  readonly target: string;
  readonly sizeBytes: Bytes;
  /** What the target occupies at once; checked against the free space before anything is written. */
  readonly reserveBytes: Bytes;
}

/**
 * Picks the cheapest strategy that both sides know and that fits the space left.
 *
 * @param target path of the copy, without an ending.
 * @throws BangerError `VM_SPEC_INVALID` for a size below the base's; `DISK_NO_STRATEGY` if host and driver share none;
 *         `DISK_FULL` if the ones they share do not fit.
 */
export function planClone(base: BaseDisk, target: string, request: CloneRequest): ClonePlan {
  const { sizeBytes } = request;
  if (sizeBytes < base.sizeBytes) throw tooSmall(base, sizeBytes);
  const shared = CLONE_STRATEGIES.filter((strategy) => request.host.has(strategy) && request.driver.has(strategy));
  const cheapest = shared[0];
  if (cheapest === undefined) throw noStrategy(base, request);
  const strategy = shared.find((candidate) => reserve(candidate, base, sizeBytes) <= request.freeBytes);
  if (strategy === undefined) throw diskFull(target, reserve(cheapest, base, sizeBytes), request.freeBytes);
  const format = FORMATS[strategy];
  return {
    strategy,
    format,
    base,
    target: `${target}.${format}`,
    sizeBytes,
    reserveBytes: reserve(strategy, base, sizeBytes),
  };
}

/** A copy-on-write clone starts all but empty; a copy costs what the base occupies, not what the guest sees. */
function reserve(strategy: CloneStrategy, base: BaseDisk, sizeBytes: Bytes): Bytes {
  switch (strategy) {
    case "reflink":
    case "dm-snapshot":
      return kib(64);
    case "qcow2":
      return qcow2FileBytes(sizeBytes);
    case "sparse-copy":
      return bytes(base.usedBytes);
  }
}

function tooSmall(base: BaseDisk, sizeBytes: Bytes): BangerError {
  return new BangerError("VM_SPEC_INVALID", {
    what: `a disk of ${formatBytes(sizeBytes)} is too small for this image`,
    why: `the image's own disk has ${formatBytes(base.sizeBytes)}, and a file system cannot be cut`,
    fix: `ask for at least ${formatBytes(base.sizeBytes)}, or leave --disk-size out`,
    data: { sizeBytes, baseBytes: base.sizeBytes },
  });
}

function noStrategy(base: BaseDisk, { host, driver }: CloneAbilities): BangerError {
  return new BangerError("DISK_NO_STRATEGY", {
    what: `there is no way to give a VM its own copy of ${base.path}`,
    why: `the host can do ${list(host)}, the VMM can read ${list(driver)}`,
    fix: "run `banger doctor`",
  });
}

function diskFull(target: string, needBytes: Bytes, freeBytes: Bytes): BangerError {
  return new BangerError("DISK_FULL", {
    what: `no space for ${target}`,
    why: `${formatBytes(needBytes)} are needed, ${formatBytes(freeBytes)} are free`,
    fix: "free some space, or move XDG_DATA_HOME to a larger disk; nothing was written",
    data: { needBytes, freeBytes },
  });
}

function list(strategies: ReadonlySet<CloneStrategy>): string {
  return strategies.size === 0 ? "nothing" : [...strategies].join(", ");
}
