import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { asBangerError, BangerError } from "../lib/errors.ts";
import { writeFileAtomic } from "../lib/files.ts";
import type { Config } from "../model/config.ts";
import type { Layout } from "../model/layout.ts";
import { kvmProbeSchema, type KvmProbe } from "../model/doctor.ts";
import type { MachineRecord, Vm, Vmm } from "../model/vm.ts";
import { kvmProbeKey, probeKvm } from "../host/probe-kvm.ts";
import type { BootKernel, Driver } from "../vmm/driver.ts";
import { createFirecrackerDriver } from "../vmm/firecracker/firecracker-driver.ts";
import { createQemuDriver } from "../vmm/qemu/qemu-driver.ts";
import { chooseVmm, type VmmChosen, type VmmFound, type VmmHost } from "./choose-vmm.ts";

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
  /** What each VMM can do here, or why it cannot: for doctor. */
  host(): Promise<VmmHost>;
  /** Whether a guest runs in KVM, as a probe guest showed it; remembered until the host is booted anew. */
  kvm(): Promise<KvmProbe>;
}

/** A VMM that is driven: how to get its driver, and what is found of it. */
interface Registered {
  readonly vmm: Vmm;
  readonly title: string;
  driver(): Promise<Driver>;
  /** What it is, in words. @throws BangerError that says why it is not to be had. */
  summary(): Promise<string>;
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
  const firecracker = createFirecrackerDriver({
    ...(config.firecracker_bin !== undefined && { firecrackerBin: config.firecracker_bin }),
    ...(env["PATH"] !== undefined && { searchPath: env["PATH"] }),
  });
  const byAccel = {
    kvm: createQemuDriver({ ...qemu, accel: "kvm" }),
    tcg: createQemuDriver({ ...qemu, accel: "tcg" }),
  };
  return driversOf(
    [
      {
        vmm: "firecracker",
        title: "Firecracker",
        driver: async () => firecracker,
        async summary() {
          const { path, version } = await firecracker.find();
          return `Firecracker ${version.text} at ${path}`;
        },
      },
      {
        vmm: "qemu",
        title: "QEMU",
        driver: async () => byAccel[(await kvm()).works ? "kvm" : "tcg"],
        // Where it is missing its start says so, and how to install it.
        summary: async () => "QEMU",
      },
    ],
    kvm,
  );
}

/** @param registered the one that is preferred first. */
function driversOf(registered: readonly Registered[], kvm: Drivers["kvm"]): Drivers {
  const host = async (): Promise<VmmHost> => ({
    kvm: await kvm(),
    vmms: await Promise.all(registered.map(async (one) => look(one))),
  });
  const explain: Drivers["explain"] = async ({ spec, network, disks }, kernel) =>
    chooseVmm(spec.vmm, { spec, network, disks, kernel }, await host());
  const of: Drivers["of"] = async ({ vmm }) => {
    const found = registered.find((one) => one.vmm === vmm);
    if (found === undefined) throw unknownVmm(vmm);
    return found.driver();
  };
  return {
    explain,
    of,
    host,
    choose: async (vm, kernel) => of(await explain(vm, kernel)),
    all: () => Promise.all(registered.map(async (one) => one.driver())),
    kvm,
  };
}

async function look(registered: Registered): Promise<VmmFound> {
  const { vmm, title } = registered;
  try {
    const summary = await registered.summary();
    return { vmm, title, usable: true, summary, abilities: await (await registered.driver()).abilities() };
  } catch (error) {
    const { what, why } = asBangerError(error);
    return { vmm, title, usable: false, summary: why === undefined ? what : `${what}: ${why}` };
  }
}

function unknownVmm(vmm: string): BangerError {
  return new BangerError("VMM_CANNOT", {
    what: `this banger does not drive ${vmm}`,
    fix: "use the banger that started the VM, or end its process yourself",
    data: { vmm },
  });
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
