import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { bytes, formatBytes, mib, type Bytes } from "../../../lib/bytes.ts";
import { BangerError } from "../../../lib/errors.ts";
import type { HostDiskFull } from "../../../model/paused-because.ts";
import type { Vm, VmDisk } from "../../../model/vm.ts";
import type { Machine } from "../../../vmm/driver.ts";

/** With this much free a VM goes on that its VMM stopped; of a small file system a fiftieth does. */
const ROOM_TO_GO_ON = mib(64);
/** With less than this free a VM is paused whose guest would not survive a full disk; of a small one a twentieth. */
const ROOM_TO_STAY = mib(512);

/** Free space where a disk of a VM grows. */
export interface Room {
  readonly freeBytes: Bytes;
  readonly sizeBytes: Bytes;
}

/** The room of the file system that a file lies on, as this user may fill it. */
export async function roomAt(path: string): Promise<Room> {
  const { bsize, bavail, bfree, blocks } = await statfs(dirname(path));
  const free = process.getuid?.() === 0 ? bfree : bavail;
  return { freeBytes: bytes(free * bsize), sizeBytes: bytes(blocks * bsize) };
}

/** How a VM takes a full disk of the host. */
export interface DiskManners {
  /** Whether its VMM stops it for that, with nothing lost. */
  readonly stopsByItself: boolean;
  readonly canPause: boolean;
}

export function diskManners({ pause, ownStops }: Pick<Machine, "pause" | "ownStops">): DiskManners {
  return { stopsByItself: ownStops !== undefined, canPause: pause !== undefined };
}

/**
 * Whether a full disk of the host would do harm: a VMM that does not stop gives its guest I/O errors, and a snapshot of
 * device mapper that cannot grow is lost as a whole.
 */
export function mustBeGuarded({ disks }: Pick<Vm, "disks">, { stopsByItself }: DiskManners): boolean {
  return !stopsByItself || disks.some(({ strategy }) => strategy === "dm-snapshot");
}

/** What is to be done with a VM, as its disks have room. */
export type DiskVerdict = "leave" | "pause" | "warn" | "go-on";

/**
 * Judges a VM by the least room that its disks have. Pure.
 *
 * @param isFull whether it stands still since the host's disk is full.
 */
export function judgeRoom(room: Room, isFull: boolean, guarded: boolean, canPause: boolean): DiskVerdict {
  if (isFull) return hasRoomToGoOn(room, guarded) ? "go-on" : "leave";
  if (!guarded || room.freeBytes >= roomToStay(room)) return "leave";
  return canPause ? "pause" : "warn";
}

/** One that is paused beforehand goes on only when that would not come again at once. */
export function hasRoomToGoOn(room: Room, guarded: boolean): boolean {
  const wanted = guarded ? 2 * roomToStay(room) : Math.min(ROOM_TO_GO_ON, room.sizeBytes / 50);
  return room.freeBytes >= wanted;
}

function roomToStay({ sizeBytes }: Room): number {
  return Math.min(ROOM_TO_STAY, sizeBytes / 20);
}

/** The disk of a VM that has the least room to grow in. */
export async function leastRoom(
  disks: readonly VmDisk[],
): Promise<{ readonly disk: VmDisk; readonly room: Room } | undefined> {
  const found = await Promise.all(disks.map(async (disk) => ({ disk, room: await roomAt(disk.path) })));
  return found.toSorted((a, b) => a.room.freeBytes - b.room.freeBytes)[0];
}

/** Why a VM stands still, as its record keeps it. */
export function fullDisk({ disks }: Pick<Vm, "disks">, diskId: string, since = new Date()): HostDiskFull {
  const path = disks.find(({ id }) => id === diskId)?.path;
  return { kind: "host-disk-full", disk: diskId, ...(path !== undefined && { path }), since: since.toISOString() };
}

/** What a command is told that asks something of a VM that stands still. */
export function hostDiskFull(name: string, { disk, path, since }: HostDiskFull, room?: Room): BangerError {
  const free = room === undefined ? "" : `, and ${formatBytes(room.freeBytes)} are free now`;
  return new BangerError("DISK_FULL", {
    what: `VM ${name} is paused, because the host's disk is full`,
    why: `its ${disk} disk has had no room to grow since ${since}${free}`,
    fix: `make room on the file system of ${path ?? "its disks"}: the VM then goes on by itself, or at once with \`banger vm resume ${name}\``,
    data: { disk, path, since },
  });
}
