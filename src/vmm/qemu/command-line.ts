import { checkCommandLine } from "../check-command-line.ts";
import type { MachineType } from "./device-places.ts";
import type { QemuHost } from "./qemu-host.ts";

type QemuClock = Pick<QemuHost, "accel" | "tscKhz">;

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
  host: QemuClock,
  devices: number,
): string {
  const line = [...driverWords(machine, host), ...words].join(" ");
  const reserved = machine === "microvm" ? devices * MMIO_DEVICE_BYTES : 0;
  return checkCommandLine(line, reserved);
}

function driverWords(machine: MachineType, { accel, tscKhz }: QemuClock): readonly string[] {
  return [
    "console=ttyS0",
    // Only warnings and worse, so that the slow serial line does not brake the boot; panics always show.
    "quiet",
    // Reboot at once after a panic. QEMU runs with -no-reboot: the guest's end becomes the VMM's.
    "panic=-1",
    // Without firmware only a triple fault resets the machine. Without ACPI's tables a kernel that looks for them logs an error.
    ...(machine === "microvm" ? ["reboot=t", "acpi=off"] : []),
    // On a busy host an emulated timer can fail the kernel's check of it, which ends in a panic. KVM guests skip it anyway.
    ...(accel === "tcg" ? ["no_timer_check"] : []),
    // On a busy host a guest measures a wrong rate against that timer, or none, and goes on by timer ticks, of which it then
    // loses half. The rate is the host's. Nor may it hold the counter against those ticks later: it would take the ticks that
    // it lost for a fault of the counter, and go by ticks alone.
    ...(accel === "tcg" && tscKhz !== undefined ? [`tsc_early_khz=${tscKhz}`, "tsc=nowatchdog"] : []),
  ];
}
