import { asBangerError, BangerError } from "../../../lib/errors.ts";
import type { Config } from "../../../model/config.ts";
import type { Layout } from "../../../model/layout.ts";
import type { HostCheck, KvmProbe } from "../../../model/doctor.ts";
import type { MachineRecord, Vm, VmmChoice } from "../../../model/vm.ts";
import type { BootKernel } from "../../../vmm/abilities.ts";
import type { Driver } from "../../../vmm/driver.ts";
import { openDrivers } from "../../../vmm/drivers.ts";
import { chooseVmm, type VmmChosen, type VmmFound, type VmmHost } from "./choose-vmm.ts";
import { kvmMemory } from "./kvm-memory.ts";

type BootedKernel = Pick<BootKernel, "microvm" | "mmioElf" | "vsock">;

/** The drivers of this host, as a set: a VM is started by one that can run it, and taken back by the one that did. */
export interface Drivers {
  /**
   * The driver for a VM with this kernel.
   *
   * @throws BangerError `VMM_CANNOT` if none can run it.
   */
  choose(vm: Pick<Vm, "spec" | "network" | "disks">, kernel: BootedKernel): Promise<Driver>;
  /** The same choice with its reason in words, for `vm inspect`. */
  explain(vm: Pick<Vm, "spec" | "network" | "disks">, kernel: BootedKernel): Promise<VmmChosen>;
  /** The driver that a record names. */
  of(record: Pick<MachineRecord, "vmm">): Promise<Driver>;
  all(): Promise<readonly Driver[]>;
  /** What each VMM can do here, or why it cannot. */
  host(): Promise<VmmHost>;
  /** What each driver checks of its VMM, in the order of the drivers: for doctor. */
  checks(): readonly HostCheck[];
  /** Whether a guest runs in KVM, as a probe guest showed it; remembered until the host is booted anew. */
  kvm(): Promise<KvmProbe>;
}

export function createDrivers(config: Config, layout: Layout, env: NodeJS.ProcessEnv): Drivers {
  const { PATH: searchPath } = env;
  const kvm = kvmMemory(config, layout, searchPath);
  const drivers = openDrivers({
    config,
    ...(searchPath !== undefined && { searchPath }),
    accel: async () => ((await kvm()).works ? "kvm" : "tcg"),
  });
  return driversOf(drivers, kvm, config.vmm);
}

/**
 * @param drivers the one that is preferred first.
 * @param configured what VMs run on that ask for nothing; for the drivers' checks.
 */
export function driversOf(drivers: readonly Driver[], kvm: Drivers["kvm"], configured: VmmChoice = "auto"): Drivers {
  const host = async (): Promise<VmmHost> => ({ kvm: await kvm(), vmms: await Promise.all(drivers.map(look)) });
  const explain: Drivers["explain"] = async ({ spec, network, disks }, kernel) =>
    chooseVmm(spec.vmm, { spec, network, disks, kernel }, await host());
  const of: Drivers["of"] = async ({ vmm }) => {
    const found = drivers.find(({ name }) => name === vmm);
    if (found === undefined) throw unknownVmm(vmm);
    return found;
  };
  return {
    explain,
    of,
    host,
    choose: async (vm, kernel) => of(await explain(vm, kernel)),
    all: async () => drivers,
    checks: () =>
      drivers.flatMap((driver) =>
        driver.checks({ configured, kvm, others: drivers.filter((other) => other !== driver) }),
      ),
    kvm,
  };
}

async function look(driver: Driver): Promise<VmmFound> {
  const { name: vmm, title } = driver;
  try {
    const [summary, abilities] = [await driver.summary(), await driver.abilities()];
    return { vmm, title, usable: true, summary, abilities, obstacle: (needs) => driver.obstacle(needs, abilities) };
  } catch (error) {
    const { message: summary } = asBangerError(error);
    return { vmm, title, usable: false, summary, obstacle: () => ({ code: "not-found", why: summary }) };
  }
}

function unknownVmm(vmm: string): BangerError {
  return new BangerError("VMM_CANNOT", {
    what: `this banger does not drive ${vmm}`,
    fix: "use the banger that started the VM, or end its process yourself",
    data: { vmm },
  });
}
