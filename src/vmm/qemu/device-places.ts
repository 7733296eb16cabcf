import { BangerError } from "../../lib/errors.ts";
import { optionString } from "./option-string.ts";

/** `microvm` has neither firmware nor PCI and boots fastest; `q35` is a PC, for kernels that need one. */
export type MachineType = "microvm" | "q35";

/**
 * In the order in which a guest finds them, which names its disks. Bus N interrupts on line 5 + N (hw/i386/microvm.c);
 * line 8, of bus 3, belongs to the clock.
 */
const MICROVM_BUSES = [7, 6, 5, 4, 2, 1, 0] as const;

/** How many virtio devices a microvm has room for. */
export const MICROVM_ROOM = MICROVM_BUSES.length;

/** A machine's places for virtio devices. */
export interface DevicePlaces {
  /**
   * Makes the value of a `-device` for the next device, with its place in the machine.
   *
   * @throws BangerError `VMM_CANNOT` where no place is left.
   */
  readonly place: (device: string, options: Readonly<Record<string, string | number>>) => string;
  /** For what a guest can do without. */
  readonly hasRoom: () => boolean;
}

/** virtio-blk becomes `virtio-blk-pci` on a PC, `virtio-blk-device` on one of a microvm's virtio-mmio buses. */
export function devicePlaces(machine: MachineType): DevicePlaces {
  if (machine === "q35") {
    return { place: (device, options) => optionString(`${device}-pci`, options), hasRoom: () => true };
  }
  let taken = 0;
  return {
    place(device, options) {
      const bus = MICROVM_BUSES[taken];
      if (bus === undefined) throw tooManyDevices();
      taken += 1;
      return optionString(`${device}-device`, { ...options, bus: `virtio-mmio-bus.${bus}` });
    },
    hasRoom: () => taken < MICROVM_BUSES.length,
  };
}

function tooManyDevices(): BangerError {
  return new BangerError("VMM_CANNOT", {
    what: `a microvm has room for ${MICROVM_ROOM} devices`,
    fix: "use a kernel that has PCI, or fewer disks and volumes",
  });
}
