import type { Finding, HostCheck, KvmProbe } from "../../model/doctor.ts";

/** @param probe a probe guest's run; the caller remembers it, for one that fails takes seconds. */
export function kvmCheck(probe: () => Promise<KvmProbe>): HostCheck {
  return {
    name: "kvm",
    why: "under KVM a guest runs on the processor itself; without it QEMU translates it (TCG), several times slower, a VM on one of the host's processors",
    essential: false,
    look: async () => describeProbe(await probe()),
  };
}

export function describeProbe({ works, opens, summary, stoppedAt, tookMs }: KvmProbe): Finding {
  const data = { works, opens, tookMs, ...(stoppedAt !== undefined && { stoppedAt }) };
  if (works) return { result: "ok", summary, data };
  return {
    result: "warn",
    summary: `${summary}; TCG will be used`,
    fix: opens
      ? "nothing on this host: use one whose hypervisor offers nested virtualization, or be content with TCG"
      : "load the module with `sudo modprobe kvm-intel` or `kvm-amd`, and join its group: `sudo usermod -aG kvm $USER`",
    data,
  };
}
