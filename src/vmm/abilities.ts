import type { Accel, VmDisk, VmNetwork } from "../model/vm.ts";

/** The kernel that a machine boots, with what it can do. */
export interface BootKernel {
  readonly path: string;
  readonly format: "elf" | "bzImage" | "arm64-image";
  readonly initrdPath?: string;
  /** Words of the kernel command line, without those that the driver adds for its own devices and console. */
  readonly commandLine: readonly string[];
  /** Boots by PVH and finds virtio-mmio devices on its command line: needs neither firmware nor PCI. */
  readonly microvm: boolean;
  /** Is an ELF file and finds virtio-mmio devices on its command line, whether by PVH or not; absent: as `microvm`. */
  readonly mmioElf?: boolean;
  /** Has the guest's end of a vsock, by itself or by its initramfs; absent where that is not known. */
  readonly vsock?: boolean;
  /** Finds the CPUs of a machine without ACPI; absent where that is not known. */
  readonly mpTable?: boolean;
  /** Finds virtio devices on PCI; absent where that is not known. */
  readonly pci?: boolean;
}

/** What a driver can do on this host, as data; services ask this and never the driver's name. */
export interface DriverAbilities {
  readonly accel: Accel;
  readonly diskFormats: ReadonlySet<VmDisk["format"]>;
  readonly networks: ReadonlySet<VmNetwork["mode"]>;
  readonly maxVcpus: number;
  /** Whether its only line to the agent is a vsock. */
  readonly needsVsock: boolean;
  /** Whether it boots kernels that need PCI or ACPI; those that find virtio-mmio by their command line every driver boots. */
  readonly pc: boolean;
  readonly limits: { readonly disk: boolean; readonly net: boolean };
}
