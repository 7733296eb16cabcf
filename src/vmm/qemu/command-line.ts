import type { Accel } from "../../model/vm.ts";
import { checkCommandLine } from "../check-command-line.ts";
import type { MachineType } from "./machine-plan.ts";

/** What QEMU adds for one virtio-mmio device: ` virtio_mmio.device=512@0xfeb00e00:12`. */
const MMIO_DEVICE_BYTES = 38;

/**
 * The kernel's command line: the driver's words first, so that the caller's may overrule them.
 *
 * @throws BangerError `VM_SPEC_INVALID` when it is too long for the kernel or holds a line break.
 */
export function kernelCommandLine(
  words: readonly string[],
  machine: MachineType,
  accel: Accel,
  devices: number,
): string {
  const line = [...driverWords(machine, accel), ...words].join(" ");
  const reserved = machine === "microvm" ? devices * MMIO_DEVICE_BYTES : 0;
  return checkCommandLine(line, reserved);
}

function driverWords(machine: MachineType, accel: Accel): readonly string[] {
  return [
    "console=ttyS0",
    // Only warnings and worse, so that the slow serial line does not brake the boot; panics always show.
    "quiet",
    // Reboot at once after a panic. QEMU runs with -no-reboot: the guest's end becomes the VMM's.
    "panic=-1",
    // Without firmware only a triple fault resets the machine.
    ...(machine === "microvm" ? ["reboot=t"] : []),
    // On a busy host an emulated timer can fail the kernel's check of it, which ends in a panic. KVM guests skip it anyway.
    ...(accel === "tcg" ? ["no_timer_check"] : []),
  ];
}
