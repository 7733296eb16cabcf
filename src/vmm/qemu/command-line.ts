import type { Accel } from "../../model/vm.ts";
import { BangerError } from "../../lib/errors.ts";
import type { MachineType } from "./machine-plan.ts";

/** COMMAND_LINE_SIZE of x86 is 2048 with the final NUL (arch/x86/include/asm/setup.h); what is longer is cut silently. */
const MAX_COMMAND_LINE_BYTES = 2047;

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
  const length = Buffer.byteLength(line) + reserved;
  if (length > MAX_COMMAND_LINE_BYTES) {
    throw new BangerError("VM_SPEC_INVALID", {
      what: `the kernel command line is too long`,
      why: `it would have ${length} bytes with its devices, and the kernel reads ${MAX_COMMAND_LINE_BYTES}`,
      fix: "pass less to the guest on its command line",
    });
  }
  // oxlint-disable-next-line no-control-regex -- these are what must not be there
  if (/[\x00-\x1f]/.test(line)) {
    throw new BangerError("VM_SPEC_INVALID", {
      what: "the kernel command line holds a control character",
      fix: "remove line breaks and tabs from what is passed to the guest",
    });
  }
  return line;
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
