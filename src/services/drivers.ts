import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { asBangerError } from "../lib/errors.ts";
import { writeFileAtomic } from "../lib/files.ts";
import type { Config } from "../model/config.ts";
import type { Layout } from "../model/layout.ts";
import { kvmProbeSchema, type KvmProbe } from "../model/doctor.ts";
import type { MachineRecord, Vm } from "../model/vm.ts";
import { kvmProbeKey, probeKvm } from "../host/probe-kvm.ts";
import type { BootKernel, Driver } from "../vmm/driver.ts";
import { createFirecrackerDriver, type FirecrackerDriver } from "../vmm/firecracker/firecracker-driver.ts";
import { createQemuDriver } from "../vmm/qemu/qemu-driver.ts";
import { chooseVmm, type VmmChosen, type VmmFound, type VmmHost } from "./choose-vmm.ts";

type BootedKernel = Pick<BootKernel, "microvm" | "vsock">;

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
  /** What each VMM can do here, or why it cannot: for doctor. */
  host(): Promise<VmmHost>;
  /** Whether a guest runs in KVM, as a probe guest showed it; remembered until the host is booted anew. */
  kvm(): Promise<KvmProbe>;
}

export function createDrivers(config: Config, layout: Layout, env: NodeJS.ProcessEnv): Drivers {
  const qemu = {
    ...(config.qemu_bin !== undefined && { qemuBin: config.qemu_bin }),
    ...(env["PATH"] !== undefined && { searchPath: env["PATH"] }),
  };
  const memory = join(layout.stateDir, "kvm-probe.json");
  // Short enough not to be cancelled, and many may wait for it.
  let probing: Promise<KvmProbe> | undefined;

  const kvm = (): Promise<KvmProbe> => {
    probing ??= rememberedProbe(memory, qemu);
    probing.catch(() => (probing = undefined));
    return probing;
  };
  const qemuDriver = async (): Promise<Driver> => {
    const { works } = await kvm();
    return createQemuDriver({ ...qemu, accel: works ? "kvm" : "tcg" });
  };
  const firecracker = createFirecrackerDriver({
    ...(config.firecracker_bin !== undefined && { firecrackerBin: config.firecracker_bin }),
    ...(env["PATH"] !== undefined && { searchPath: env["PATH"] }),
  });
  const host = async (): Promise<VmmHost> => {
    const driver = await qemuDriver();
    return {
      kvm: await kvm(),
      vmms: {
        // Where it is missing its start says so, and how to install it.
        qemu: { usable: true, summary: "QEMU", abilities: await driver.abilities() },
        firecracker: await findFirecracker(firecracker),
      },
    };
  };
  const explain: Drivers["explain"] = async ({ spec, network, disks }, kernel) =>
    chooseVmm(spec.vmm, { spec, network, disks, kernel }, await host());
  const of: Drivers["of"] = async ({ vmm }) => (vmm === "firecracker" ? firecracker : qemuDriver());
  return {
    explain,
    of,
    host,
    choose: async (vm, kernel) => of(await explain(vm, kernel)),
    all: async () => [await qemuDriver(), firecracker],
    kvm,
  };
}

async function findFirecracker(driver: FirecrackerDriver): Promise<VmmFound> {
  try {
    const { path, version } = await driver.find();
    return { usable: true, summary: `Firecracker ${version.text} at ${path}`, abilities: await driver.abilities() };
  } catch (error) {
    const { what, why } = asBangerError(error);
    return { usable: false, summary: why === undefined ? what : `${what}: ${why}` };
  }
}

type QemuPlace = { readonly qemuBin?: string; readonly searchPath?: string };

/** A probe that fails takes seconds, and its answer holds until the host's kernel or QEMU is another. */
async function rememberedProbe(memory: string, qemu: QemuPlace): Promise<KvmProbe> {
  const key = await kvmProbeKey(qemu);
  try {
    const known = kvmProbeSchema.parse(JSON.parse(await readFile(memory, "utf8")));
    if (known.key === key) return known;
  } catch {
    // Nothing remembered, or of another shape: ask anew.
  }
  const probe = await probeKvm(qemu);
  await writeFileAtomic(memory, `${JSON.stringify(probe)}\n`);
  return probe;
}
