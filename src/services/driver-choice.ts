import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../lib/files.ts";
import type { Config } from "../model/config.ts";
import type { Layout } from "../model/layout.ts";
import { kvmProbeSchema, type KvmProbe } from "../model/doctor.ts";
import { kvmProbeKey, probeKvm } from "../host/probe-kvm.ts";
import type { Driver } from "../vmm/driver.ts";
import { createQemuDriver } from "../vmm/qemu/qemu-driver.ts";

/** Chooses what VMs of this host run on, once a daemon. Short enough not to be cancelled, and many may wait for it. */
export interface DriverChoice {
  driver(): Promise<Driver>;
  /** Whether a guest runs in KVM, as a probe guest showed it; remembered until the host is booted anew. */
  kvm(): Promise<KvmProbe>;
}

export function driverChoice(config: Config, layout: Layout, env: NodeJS.ProcessEnv): DriverChoice {
  const qemu = {
    ...(config.qemu_bin !== undefined && { qemuBin: config.qemu_bin }),
    ...(env["PATH"] !== undefined && { searchPath: env["PATH"] }),
  };
  const memory = join(layout.stateDir, "kvm-probe.json");
  let probing: Promise<KvmProbe> | undefined;
  let choosing: Promise<Driver> | undefined;

  const kvm = (): Promise<KvmProbe> => {
    probing ??= rememberedProbe(memory, qemu);
    probing.catch(() => (probing = undefined));
    return probing;
  };
  return {
    kvm,
    driver() {
      choosing ??= kvm().then(({ works }) => createQemuDriver({ ...qemu, accel: works ? "kvm" : "tcg" }));
      choosing.catch(() => (choosing = undefined));
      return choosing;
    },
  };
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
