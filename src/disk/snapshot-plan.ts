import { bytes, type Bytes } from "../lib/bytes.ts";

/** Device mapper counts in sectors, whatever the disk's own are (Documentation/admin-guide/device-mapper). */
const SECTOR_BYTES = 512;

/**
 * Sectors of a chunk, the unit in which a snapshot copies: 4 KiB, the block of our file systems, so that a block that is
 * written is never read from the base first.
 */
const CHUNK_SECTORS = 8;
const CHUNK_BYTES = CHUNK_SECTORS * SECTOR_BYTES;

/** A persistent store keeps 16 bytes for each chunk (struct disk_exception, drivers/md/dm-snap-persistent.c). */
const EXCEPTIONS_PER_AREA = CHUNK_BYTES / 16;

/** Devices of this program begin with it: nothing else is ever removed. */
export const DEVICE_PREFIX = "banger-";

/** A VM's disk that device mapper puts together while the VM runs. */
export interface SnapshotDisk {
  /** Id of the VM and of its disk: they name the devices. */
  readonly vmId: string;
  readonly diskId: string;
  /** Read where nothing was written; never written to. Its size in whole sectors. */
  readonly base: { readonly path: string; readonly sizeBytes: Bytes };
  /** The VM's own file: what it has written. Empty at first; of {@link storeBytes} bytes, sparse. */
  readonly store: string;
  /** What the guest sees: the base's size or more. */
  readonly sizeBytes: Bytes;
}

/** What a step before has made: loop devices of base and store, the base with zeros behind it, the snapshot. */
export type Part = "base" | "store" | "grown-base" | "snapshot";

export interface TableLine {
  readonly startSectors: number;
  readonly lengthSectors: number;
  readonly target: "linear" | "zero" | "snapshot";
  readonly args: readonly (string | { readonly part: Part })[];
}

export type SnapshotStep =
  | { readonly does: "loop"; readonly as: Part; readonly path: string; readonly readOnly: boolean }
  | {
      readonly does: "map";
      readonly as: Part;
      readonly name: string;
      readonly readOnly: boolean;
      readonly table: readonly TableLine[];
    }
  /** The kernel detaches a loop device by itself when its last user lets go, once it has been asked to. */
  | { readonly does: "let-go"; readonly part: Part };

/** The names of a disk's devices, in the order in which they can be removed. */
export function deviceNames(vmId: string, diskId: string): readonly [snapshot: string, grownBase: string] {
  const name = `${DEVICE_PREFIX}${vmId}-${diskId}`;
  return [name, `${name}-base`];
}

/**
 * How a snapshot is put together: base and store behind loop devices, and a table that lays one over the other. A plain
 * snapshot, not a thin one: it needs no pool, so no VM's disk depends on another's.
 *
 * When the devices are there, their loop devices are let go: removing the snapshot is all there is to its end.
 */
export function planSnapshot(disk: SnapshotDisk): readonly SnapshotStep[] {
  const [name, grownBase] = deviceNames(disk.vmId, disk.diskId);
  const baseSectors = Math.floor(disk.base.sizeBytes / SECTOR_BYTES);
  const lengthSectors = Math.ceil(disk.sizeBytes / SECTOR_BYTES);
  const grows = lengthSectors > baseSectors;
  const origin = { part: grows ? "grown-base" : "base" } as const;
  // snapshot ORIGIN COW P(ersistent) CHUNK (Documentation/admin-guide/device-mapper/snapshot.rst)
  const args = [origin, { part: "store" } as const, "P", String(CHUNK_SECTORS)];
  return [
    { does: "loop", as: "base", path: disk.base.path, readOnly: true },
    { does: "loop", as: "store", path: disk.store, readOnly: false },
    ...(grows ? [growBase(grownBase, baseSectors, lengthSectors)] : []),
    {
      does: "map",
      as: "snapshot",
      name,
      readOnly: false,
      table: [{ startSectors: 0, lengthSectors, target: "snapshot", args }],
    },
    { does: "let-go", part: "base" },
    { does: "let-go", part: "store" },
  ];
}

/** A snapshot takes what lies past the end of its base for an error: zeros are put there. */
function growBase(name: string, baseSectors: number, sectors: number): SnapshotStep {
  return {
    does: "map",
    as: "grown-base",
    name,
    readOnly: true,
    table: [
      { startSectors: 0, lengthSectors: baseSectors, target: "linear", args: [{ part: "base" }, "0"] },
      { startSectors: baseSectors, lengthSectors: sectors - baseSectors, target: "zero", args: [] },
    ],
  };
}

/**
 * Length of a store that has room for every chunk of the disk: a header, then areas of one chunk of exceptions and the
 * chunks that they name. One area more, since the next one is cleared before it is needed.
 */
export function storeBytes(sizeBytes: Bytes): Bytes {
  const chunks = Math.ceil(sizeBytes / CHUNK_BYTES);
  const areas = Math.ceil(chunks / EXCEPTIONS_PER_AREA) + 1;
  return bytes((1 + areas * (EXCEPTIONS_PER_AREA + 1)) * CHUNK_BYTES);
}

/** One line of a table as dmsetup(8) reads it. */
export function tableLine(line: TableLine, devices: ReadonlyMap<Part, string>): string {
  const args = line.args.map((arg) => (typeof arg === "string" ? arg : (devices.get(arg.part) ?? "")));
  return [line.startSectors, line.lengthSectors, line.target, ...args].join(" ");
}
