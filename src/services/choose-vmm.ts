import { BangerError } from "../lib/errors.ts";
import type { Vm, Vmm, VmmChoice } from "../model/vm.ts";
import type { BootKernel, DriverAbilities } from "../vmm/driver.ts";

/** What a VM asks of the VMM that runs it. */
export interface MachineNeeds extends Pick<Vm, "spec" | "network"> {
  readonly disks: readonly Pick<Vm["disks"][number], "format">[];
  readonly kernel: Pick<BootKernel, "microvm" | "mmioElf" | "vsock">;
}

/** A VMM as it was found on this host: what it can do, or why it is not to be had. */
export interface VmmFound {
  readonly vmm: Vmm;
  /** As people know it. */
  readonly title: string;
  readonly usable: boolean;
  /** In words: `Firecracker 1.16.1 at /usr/bin/firecracker`, `there is no firecracker in PATH`. */
  readonly summary: string;
  readonly abilities?: DriverAbilities;
}

export interface VmmHost {
  readonly kvm: { readonly works: boolean; readonly summary: string };
  /** The one that is preferred first. */
  readonly vmms: readonly VmmFound[];
}

export interface VmmChosen {
  readonly vmm: Vmm;
  /** For `vm inspect`. */
  readonly reason: string;
}

/**
 * Chooses what a VM runs on. `auto` takes the first VMM that is there and can do all that the VM asks for, with KVM that
 * really runs guests if it knows no other way.
 *
 * @throws BangerError `VMM_CANNOT` if what was asked for cannot run it, or nothing can.
 */
export function chooseVmm(asked: VmmChoice, needs: MachineNeeds, host: VmmHost): VmmChosen {
  if (asked !== "auto") return takeAsked(asked, needs, host);
  const against: { readonly title: string; readonly why: string }[] = [];
  for (const found of host.vmms) {
    const why = obstacle(found, needs) ?? withoutKvm(found, host);
    if (why === undefined) return { vmm: found.vmm, reason: whyTaken(found, against, host) };
    against.push({ title: found.title, why });
  }
  const titles = against.map(({ title }) => title).join(" nor ");
  throw new BangerError("VMM_CANNOT", {
    what: `neither ${titles} can run this VM`,
    why: against.map(({ title, why }) => `${title}: ${why}`).join("; "),
    fix: "ask for less, or see `banger doctor` for what this host lacks",
  });
}

/** What is asked for by name is taken without a look at KVM: it says by itself what it lacks. */
function takeAsked(asked: Vmm, needs: MachineNeeds, { vmms }: VmmHost): VmmChosen {
  const found = vmms.find(({ vmm }) => vmm === asked);
  const title = found?.title ?? asked;
  const why = found === undefined ? "this banger does not drive it" : obstacle(found, needs);
  if (why === undefined) return { vmm: asked, reason: `${title} was asked for` };
  const other = vmms.find(({ vmm }) => vmm !== asked)?.vmm ?? "auto";
  throw new BangerError("VMM_CANNOT", {
    what: `${title} cannot run this VM`,
    why,
    fix: `change that, or create the VM with \`--vmm ${other}\`; see \`banger doctor\``,
    data: { vmm: asked },
  });
}

function whyTaken(
  { title, summary }: VmmFound,
  [preferred]: readonly { readonly title: string; readonly why: string }[],
  { kvm }: VmmHost,
): string {
  return preferred === undefined
    ? `${summary}, and ${kvm.summary}`
    : `${title}, and not ${preferred.title}: ${preferred.why}`;
}

function withoutKvm({ abilities }: VmmFound, { kvm }: VmmHost): string | undefined {
  return abilities?.accel === "kvm" && !kvm.works ? kvm.summary : undefined;
}

/** What keeps a VMM from running this VM, in words; the first that is found. */
function obstacle({ title, usable, summary, abilities }: VmmFound, needs: MachineNeeds): string | undefined {
  if (!usable || abilities === undefined) return summary;
  const { spec, network, disks, kernel } = needs;
  // Firecracker enters an ELF kernel by its own address where it has no note for PVH.
  if (!(kernel.mmioElf ?? kernel.microvm) && !abilities.pc)
    return `${title} boots only kernels that find virtio-mmio on their command line, and this one needs PCI`;
  if (kernel.vsock === false && abilities.needsVsock)
    return `${title} reaches the agent by vsock only, and this kernel has none`;
  const foreign = disks.find(({ format }) => !abilities.diskFormats.has(format));
  if (foreign !== undefined) return `${title} reads no ${foreign.format} disk, and this VM has one`;
  if (spec.diskStrategy === "qcow2" && !abilities.diskFormats.has("qcow2"))
    return `${title} reads no qcow2 disk, and this VM is to have one`;
  if (!abilities.networks.has(network.mode)) return `${title} has no network of mode "${network.mode}"`;
  if (spec.vcpus > abilities.maxVcpus) return `${title} gives a guest at most ${abilities.maxVcpus} processors`;
  if (spec.diskBandwidth !== undefined && !abilities.limits.disk) return `${title} has no bound for a disk's bandwidth`;
  if (spec.netBandwidth !== undefined && !abilities.limits.net)
    return `${title} has no bound for a network's bandwidth`;
  return undefined;
}
