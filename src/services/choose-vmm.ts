import { BangerError } from "../lib/errors.ts";
import { VMMS, type Vm, type Vmm, type VmmChoice } from "../model/vm.ts";
import type { BootKernel, DriverAbilities } from "../vmm/driver.ts";

/** What a VM asks of the VMM that runs it. */
export interface MachineNeeds extends Pick<Vm, "spec" | "network"> {
  readonly disks: readonly Pick<Vm["disks"][number], "format">[];
  readonly kernel: Pick<BootKernel, "microvm" | "vsock">;
}

/** A VMM as it was found on this host: what it can do, or why it is not to be had. */
export interface VmmFound {
  readonly usable: boolean;
  /** In words: `Firecracker 1.16.1 at /usr/bin/firecracker`, `there is no firecracker in PATH`. */
  readonly summary: string;
  readonly abilities?: DriverAbilities;
}

export interface VmmHost {
  readonly kvm: { readonly works: boolean; readonly summary: string };
  readonly vmms: Readonly<Record<Vmm, VmmFound>>;
}

export interface VmmChosen {
  readonly vmm: Vmm;
  /** For `vm inspect`. */
  readonly reason: string;
}

const TITLES: Readonly<Record<Vmm, string>> = { firecracker: "Firecracker", qemu: "QEMU" };

/**
 * Chooses what a VM runs on. `auto` takes Firecracker where KVM really runs guests, it is there, and can do all that the
 * VM asks for; else QEMU.
 *
 * @throws BangerError `VMM_CANNOT` if what was asked for cannot run it, or nothing can.
 */
export function chooseVmm(asked: VmmChoice, needs: MachineNeeds, host: VmmHost): VmmChosen {
  if (asked !== "auto") {
    const [obstacle] = obstacles(asked, needs, host);
    if (obstacle === undefined) return { vmm: asked, reason: `${TITLES[asked]} was asked for` };
    throw new BangerError("VMM_CANNOT", {
      what: `${TITLES[asked]} cannot run this VM`,
      why: obstacle,
      fix: `change that, or create the VM with \`--vmm ${VMMS.find((vmm) => vmm !== asked) ?? "auto"}\`; see \`banger doctor\``,
      data: { vmm: asked },
    });
  }
  const [against] = [
    ...obstacles("firecracker", needs, host),
    // Firecracker knows no other way; asked for by name it may say so itself.
    ...(host.kvm.works ? [] : [host.kvm.summary]),
  ];
  if (against === undefined) {
    return { vmm: "firecracker", reason: `${host.vmms.firecracker.summary}, and ${host.kvm.summary}` };
  }
  const [missing] = obstacles("qemu", needs, host);
  if (missing === undefined) return { vmm: "qemu", reason: `QEMU, and not Firecracker: ${against}` };
  throw new BangerError("VMM_CANNOT", {
    what: "neither Firecracker nor QEMU can run this VM",
    why: `Firecracker: ${against}; QEMU: ${missing}`,
    fix: "ask for less, or see `banger doctor` for what this host lacks",
  });
}

/** What keeps a VMM from running this VM, each in words. */
function obstacles(vmm: Vmm, needs: MachineNeeds, host: VmmHost): readonly string[] {
  const { usable, summary, abilities } = host.vmms[vmm];
  if (!usable || abilities === undefined) return [summary];
  const title = TITLES[vmm];
  const { spec, network, disks, kernel } = needs;
  const foreign = disks.find(({ format }) => !abilities.diskFormats.has(format));
  const found = {
    [`${title} boots only kernels that find virtio-mmio on their command line, and this one needs PCI`]:
      !kernel.microvm && !abilities.pc,
    [`${title} reaches the agent by vsock only, and this kernel has none`]:
      kernel.vsock === false && abilities.needsVsock,
    [`${title} reads no ${foreign?.format ?? ""} disk, and this VM has one`]: foreign !== undefined,
    [`${title} reads no qcow2 disk, and this VM is to have one`]:
      spec.diskStrategy === "qcow2" && !abilities.diskFormats.has("qcow2"),
    [`${title} has no network of mode "${network.mode}"`]: !abilities.networks.has(network.mode),
    [`${title} gives a guest at most ${abilities.maxVcpus} processors`]: spec.vcpus > abilities.maxVcpus,
    [`${title} has no bound for a disk's bandwidth`]: spec.diskBandwidth !== undefined && !abilities.limits.disk,
    [`${title} has no bound for a network's bandwidth`]: spec.netBandwidth !== undefined && !abilities.limits.net,
  };
  return Object.entries(found)
    .filter(([, holds]) => holds)
    .map(([words]) => words);
}
