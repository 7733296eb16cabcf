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

const MAPPER_FOLDER = "/dev/mapper";

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

/** A loop device that a step before has made, by what is behind it. */
export type LoopRef = { readonly loop: "base" | "store" };

export interface TableLine {
  readonly startSectors: number;
  readonly lengthSectors: number;
  readonly target: "linear" | "zero" | "snapshot";
  readonly args: readonly (string | LoopRef)[];
}

export type SnapshotStep =
  | { readonly does: "loop"; readonly as: LoopRef["loop"]; readonly path: string; readonly readOnly: boolean }
  | { readonly does: "map"; readonly name: string; readonly readOnly: boolean; readonly table: readonly TableLine[] }
  /** The kernel detaches a loop device by itself when its last user lets go, once it has been asked to. */
  | { readonly does: "let-go"; readonly loop: LoopRef["loop"] };

export interface SnapshotPlan {
  /** The block device that the VMM opens. */
  readonly device: string;
  readonly attach: readonly SnapshotStep[];
}

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
export function planSnapshot(disk: SnapshotDisk): SnapshotPlan {
  const [name, grownBase] = deviceNames(disk.vmId, disk.diskId);
  const baseSectors = Math.floor(disk.base.sizeBytes / SECTOR_BYTES);
  const sectors = Math.ceil(disk.sizeBytes / SECTOR_BYTES);
  const grown = sectors > baseSectors;
  const origin = grown ? `${MAPPER_FOLDER}/${grownBase}` : { loop: "base" as const };
  const store = { loop: "store" as const };
  return {
    device: `${MAPPER_FOLDER}/${name}`,
    attach: [
      { does: "loop", as: "base", path: disk.base.path, readOnly: true },
      { does: "loop", as: "store", path: disk.store, readOnly: false },
      ...(grown ? [growBase(grownBase, baseSectors, sectors)] : []),
      {
        does: "map",
        name,
        readOnly: false,
        // snapshot ORIGIN COW P(ersistent) CHUNK (Documentation/admin-guide/device-mapper/snapshot.rst)
        table: [
          {
            startSectors: 0,
            lengthSectors: sectors,
            target: "snapshot",
            args: [origin, store, "P", String(CHUNK_SECTORS)],
          },
        ],
      },
      { does: "let-go", loop: "base" },
      { does: "let-go", loop: "store" },
    ],
  };
}

/** A snapshot reads past the end of what it is of as an error: zeros are put behind it. */
function growBase(name: string, baseSectors: number, sectors: number): SnapshotStep {
  return {
    does: "map",
    name,
    readOnly: true,
    table: [
      { startSectors: 0, lengthSectors: baseSectors, target: "linear", args: [{ loop: "base" }, "0"] },
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
export function tableLine(line: TableLine, devices: ReadonlyMap<LoopRef["loop"], string>): string {
  const args = line.args.map((arg) => (typeof arg === "string" ? arg : (devices.get(arg.loop) ?? "")));
  return [line.startSectors, line.lengthSectors, line.target, ...args].join(" ");
}
