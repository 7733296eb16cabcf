import type { Vmm, VmmChoice } from "../../model/vm.ts";
import type { Finding, HostCheck } from "../host-check.ts";

/** The VMMs of a host, as whoever drives them found them. */
export interface VmmFacts {
  /** `vmm` of the configuration. */
  readonly configured: VmmChoice;
  readonly kvm: { readonly works: boolean; readonly summary: string };
  readonly vmms: readonly { readonly vmm: Vmm; readonly usable: boolean; readonly summary: string }[];
}

export function vmmCheck(find: () => Promise<VmmFacts>): HostCheck {
  return {
    name: "vmm",
    why: "under KVM Firecracker is preferred: it is made for this and nothing else; QEMU runs everywhere, and runs everything",
    essential: false,
    look: async () => describeVmms(await find()),
  };
}

export function describeVmms({ configured, kvm, vmms }: VmmFacts): Finding {
  const { usable = false, summary = "Firecracker is not driven here" } =
    vmms.find(({ vmm }) => vmm === "firecracker") ?? {};
  const data = { configured, firecracker: usable };
  const fix = "put the `firecracker` of a release of it (1.14 or later) into PATH, or name it by `firecracker_bin`";
  if (configured === "qemu") return { result: "ok", summary: "QEMU, as the configuration says", data };
  if (configured === "firecracker") {
    if (!usable)
      return { result: "warn", summary: `${summary}, and the configuration asks for Firecracker`, fix, data };
    if (kvm.works) return { result: "ok", summary, data };
    return {
      result: "warn",
      summary: `${summary}, which needs KVM to run guests: ${kvm.summary}`,
      fix: 'set vmm = "auto" in the configuration',
      data,
    };
  }
  if (usable && kvm.works) return { result: "ok", summary: `${summary}; QEMU for what it cannot do`, data };
  // Each of the two that is missing is named: who mends one should know of the other.
  if (usable) return { result: "ok", summary: `QEMU; ${summary} needs KVM to run guests: ${kvm.summary}`, data };
  if (!kvm.works) return { result: "ok", summary: `QEMU; ${summary}, and it would need KVM: ${kvm.summary}`, data };
  return { result: "warn", summary: `QEMU, since ${summary}`, fix, data };
}
