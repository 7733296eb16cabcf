import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { kvmProbeKey, probeKvm } from "../../../host/probe-kvm.ts";
import { writeFileAtomic } from "../../../lib/files.ts";
import type { Config } from "../../../model/config.ts";
import { kvmProbeSchema, type KvmProbe } from "../../../model/doctor.ts";
import type { Layout } from "../../../model/layout.ts";

/**
 * Whether a guest runs in KVM, as a probe guest in QEMU showed it. It is asked for once, however many wait for it, and
 * remembered until the host's kernel or its QEMU is another: a probe that fails takes seconds.
 */
export function kvmMemory(
  { qemu_bin: qemuBin }: Pick<Config, "qemu_bin">,
  { stateDir }: Pick<Layout, "stateDir">,
  searchPath: string | undefined,
): () => Promise<KvmProbe> {
  const qemu = { ...(qemuBin !== undefined && { qemuBin }), ...(searchPath !== undefined && { searchPath }) };
  // Short enough not to be cancelled, and many may wait for it.
  let probing: Promise<KvmProbe> | undefined;
  return () => {
    probing ??= rememberedProbe(join(stateDir, "kvm-probe.json"), qemu);
    probing.catch(() => (probing = undefined));
    return probing;
  };
}

async function rememberedProbe(memory: string, qemu: Parameters<typeof probeKvm>[0]): Promise<KvmProbe> {
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
