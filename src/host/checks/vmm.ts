import type { VmmChoice } from "../../model/vm.ts";
import type { Finding, HostCheck } from "../host-check.ts";

/** The VMMs of a host, as whoever drives them found them. */
export interface VmmFacts {
  /** `vmm` of the configuration. */
  readonly configured: VmmChoice;
  readonly kvmWorks: boolean;
  readonly firecracker: { readonly usable: boolean; readonly summary: string };
}

export function vmmCheck(find: () => Promise<VmmFacts>): HostCheck {
  return {
    name: "vmm",
    why: "under KVM Firecracker is preferred: it is made for this and nothing else; QEMU runs everywhere, and runs everything",
    essential: false,
    look: async () => describeVmms(await find()),
  };
}

export function describeVmms({ configured, kvmWorks, firecracker }: VmmFacts): Finding {
  const { usable, summary } = firecracker;
  const data = { configured, firecracker: usable };
  const fix = "put the `firecracker` of a release of it (1.14 or later) into PATH, or name it by `firecracker_bin`";
  if (configured === "qemu") return { result: "ok", summary: "QEMU, as the configuration says", data };
  if (configured === "firecracker") {
    if (!usable)
      return { result: "warn", summary: `${summary}, and the configuration asks for Firecracker`, fix, data };
    if (kvmWorks) return { result: "ok", summary, data };
    return {
      result: "warn",
      summary: `${summary}, which needs KVM, and KVM runs no guests here`,
      fix: 'set vmm = "auto" in the configuration',
      data,
    };
  }
  if (usable && kvmWorks) return { result: "ok", summary: `${summary}; QEMU for what it cannot do`, data };
  if (!kvmWorks) return { result: "ok", summary: "QEMU, since KVM runs no guests for Firecracker", data };
  return { result: "warn", summary: `QEMU, since ${summary}`, fix, data };
}
