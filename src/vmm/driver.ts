import type { Duplex } from "node:stream";
import type { HostCheck, KvmProbe } from "../model/doctor.ts";
import type { AgentLine, MachineRecord, VmDisk, Vmm, VmmChoice, VmNetwork } from "../model/vm.ts";
import type { Bytes } from "../lib/bytes.ts";
import type { BangerError } from "../lib/errors.ts";
import type { BootKernel, DriverAbilities } from "./abilities.ts";
import type { MachineNeeds, Obstacle } from "./obstacle.ts";

/** A VM as every driver is told of it: what it is, not how a VMM spells it. */
export interface MachineSpec {
  readonly id: string;
  readonly name: string;
  /** An empty folder for sockets and logs, in which the VMM works. */
  readonly runDir: string;
  /** Where the guest's console is kept, bounded; it outlives the run. Appended to. */
  readonly consoleLog: string;
  readonly vcpus: number;
  readonly memoryBytes: Bytes;
  /**
   * Whether the VMM keeps what its guest has freed; absent: the host gets it back. For a VM whose memory is a file that others
   * share: QEMU before 9 makes holes into such a file.
   */
  readonly keepsFreedMemory?: boolean;
  readonly kernel: BootKernel;
  /** In the order in which the guest names them: /dev/vda, /dev/vdb. */
  readonly disks: readonly MachineDisk[];
  readonly network: VmNetwork;
  /** Words before the VMM's own by which it starts inside the namespaces of its network, as in `nsenter … --`. They exec it. */
  readonly enter?: readonly string[];
  readonly limits?: MachineLimits;
}

/** Most that a guest gets, in bytes a second. */
export interface MachineLimits {
  /** Read and written, on each disk. */
  readonly diskBandwidth?: number;
  /** Sent, and as much again received. */
  readonly netBandwidth?: number;
}

export interface MachineDisk extends Pick<VmDisk, "path" | "format"> {
  /** `modules` holds those of the kernel: it is the kernel's, and no disk of the VM's record, as volumes are not. */
  readonly id: VmDisk["id"] | "modules" | `volume${number}`;
  readonly readOnly: boolean;
  /** What lies at its path; a file where absent. */
  readonly node?: "file" | "block-device";
}

/** How a VMM came to its end. */
export interface MachineExit {
  /** True when the guest ended it (shut down, rebooted); false for a crash or a kill. */
  readonly clean: boolean;
  /** Who ended it, and how: the guest, in one of three ways, or the VMM, by itself or by a signal. */
  readonly by: "shutdown" | "reboot" | "panic" | "vmm";
  /** In words, for the VM's state: `the guest shut down`, `QEMU was killed by SIGKILL`. */
  readonly reason: string;
}

/** An error of the host's that met what a guest read or wrote. */
export interface DiskError {
  /** As {@link MachineDisk} calls it. */
  readonly disk: string;
  /** Whether the machine stopped for it, with the request kept; else the guest was told. */
  readonly hasStopped: boolean;
  /** Whether the host had no room for what was written. */
  readonly isFull: boolean;
  /** The host's words for it: `No space left on device`. */
  readonly reason: string;
}

/** What a driver's checks are told beside what it finds out by itself. */
export interface CheckedHost {
  /** `vmm` of the configuration. */
  readonly configured: VmmChoice;
  /** Whether KVM runs guests here; it may take seconds to find out. */
  kvm(): Promise<Pick<KvmProbe, "works" | "summary">>;
  /** The other drivers there are, the one that is preferred first. */
  readonly others: readonly Pick<Driver, "name" | "title">[];
}

/** One VMM behind one interface. */
export interface Driver {
  readonly name: Vmm;
  /** As people know it: `QEMU`. */
  readonly title: string;
  /** What it is on this host, in words. @throws BangerError that says why it is not to be had, where that is known beforehand. */
  summary(): Promise<string>;
  abilities(): Promise<DriverAbilities>;
  /** What keeps it from running a VM; undefined where it can. Pure. @param abilities what it has just told of them. */
  obstacle(needs: MachineNeeds, abilities: DriverAbilities): Obstacle | undefined;
  /** What doctor looks at for this VMM; nothing is looked at yet. Their names are stable, and no other driver has them. */
  checks(host: CheckedHost): readonly HostCheck[];
  /**
   * Starts a VMM in a process session of its own and resolves once it runs the guest.
   * When it fails, or the signal aborts, no process and no socket is left.
   *
   * @throws BangerError `TOOL_MISSING`, `VMM_FAILED` (with what the VMM said), `VMM_CANNOT`.
   */
  start(spec: MachineSpec, signal: AbortSignal): Promise<Machine>;
  /** Takes back a VMM that another daemon started; undefined when that process is gone. */
  attach(record: MachineRecord, signal: AbortSignal): Promise<Machine | undefined>;
  /** VMM processes of this VM that no record knows: what a daemon left that died between start and record. */
  strays(vmId: string): Promise<readonly number[]>;
}

/** What a VMM tells that stops its guest by itself when it cannot go on. */
export interface OwnStops {
  /** The disk for which it stopped, since the host has no room for what the guest wrote; until it is resumed. */
  forDisk(signal: AbortSignal): Promise<string | undefined>;
  /** The VMM's word for why it stopped for no full disk, as `internal-error`; until it is resumed. */
  reason(signal: AbortSignal): Promise<string | undefined>;
  /** Has somebody hear of errors of its disks from now on. */
  onDiskError(hear: (error: DiskError) => void): void;
  /** Has somebody hear of stops for no full disk from now on. */
  onStopped(hear: (reason: string) => void): void;
}

/** A running VMM. What not every machine can do is an optional part of it. */
export interface Machine {
  readonly record: MachineRecord;
  readonly line: AgentLine;
  /** Settles when the process is gone; never rejects. */
  readonly exited: Promise<MachineExit>;
  /** Safe to repeat, as is `resume`. Absent where the guest would not come back whole: `lacks` says why. */
  readonly pause?: (signal: AbortSignal) => Promise<void>;
  resume(signal: AbortSignal): Promise<void>;
  isPaused(signal: AbortSignal): Promise<boolean>;
  /** Absent where it never stops a guest by itself: a guest's write for which there is no room is then an error in the guest. */
  readonly ownStops?: OwnStops;
  /** The serial console, from now on: what the guest writes, and what is typed to it. */
  console(signal: AbortSignal): Promise<Duplex>;
  /** Presses the power button; absent where the machine has none. The guest may ignore it: wait on `exited` with a limit. */
  readonly requestShutdown?: (signal: AbortSignal) => Promise<void>;
  /** Ends the process: SIGTERM, after a grace time SIGKILL, or that at once for 0. Resolves when it is gone. Safe to repeat. */
  kill(graceMs?: number): Promise<void>;
  /** Lets go of the process without touching it: for a daemon that stops while its VMs go on. */
  release(): void;
  /** Why a part is absent, for whoever asks for it. */
  readonly lacks?: { readonly pause?: BangerError };
}
