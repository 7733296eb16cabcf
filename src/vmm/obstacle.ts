import type { Vm } from "../model/vm.ts";
import type { BootKernel, DriverAbilities } from "./abilities.ts";

/** What a VM asks of the VMM that runs it. */
export interface MachineNeeds extends Pick<Vm, "spec" | "network"> {
  readonly disks: readonly Pick<Vm["disks"][number], "format">[];
  readonly kernel: Pick<BootKernel, "microvm" | "mmioElf" | "vsock">;
}

/** What can keep a VMM from running a VM, in the order in which it is looked for. */
export const OBSTACLES = [
  "not-found",
  "no-pc",
  "no-guest-vsock",
  "disk-format",
  "network-mode",
  "too-many-vcpus",
  "no-disk-limit",
  "no-network-limit",
  "no-kvm",
] as const;
export type ObstacleCode = (typeof OBSTACLES)[number];

export interface Obstacle {
  readonly code: ObstacleCode;
  /** In words, for people: `Firecracker gives a guest at most 32 processors`. */
  readonly why: string;
}

/**
 * What keeps a driver of these abilities from running a VM; the first that is found. Pure.
 *
 * @param title the VMM, as people know it.
 */
export function obstacleTo(
  { spec, network, disks, kernel }: MachineNeeds,
  title: string,
  abilities: DriverAbilities,
): Obstacle | undefined {
  const foreign = disks.find(({ format }) => !abilities.diskFormats.has(format));
  const found: readonly (readonly [code: ObstacleCode, holds: boolean, why: string])[] = [
    // An ELF kernel that has no note for PVH is entered by its own address where its VMM can do that.
    [
      "no-pc",
      !(kernel.mmioElf ?? kernel.microvm) && !abilities.pc,
      `${title} boots only kernels that find virtio-mmio on their command line, and this one needs PCI`,
    ],
    [
      "no-guest-vsock",
      kernel.vsock === false && abilities.needsVsock,
      `${title} reaches the agent by vsock only, and this kernel has none`,
    ],
    ["disk-format", foreign !== undefined, `${title} reads no ${foreign?.format} disk, and this VM has one`],
    [
      "disk-format",
      spec.diskStrategy === "qcow2" && !abilities.diskFormats.has("qcow2"),
      `${title} reads no qcow2 disk, and this VM is to have one`,
    ],
    ["network-mode", !abilities.networks.has(network.mode), `${title} has no network of mode "${network.mode}"`],
    [
      "too-many-vcpus",
      spec.vcpus > abilities.maxVcpus,
      `${title} gives a guest at most ${abilities.maxVcpus} processors`,
    ],
    [
      "no-disk-limit",
      spec.diskBandwidth !== undefined && !abilities.limits.disk,
      `${title} has no bound for a disk's bandwidth`,
    ],
    [
      "no-network-limit",
      spec.netBandwidth !== undefined && !abilities.limits.net,
      `${title} has no bound for a network's bandwidth`,
    ],
  ];
  const [first] = found.filter(([, holds]) => holds);
  return first === undefined ? undefined : { code: first[0], why: first[2] };
}
