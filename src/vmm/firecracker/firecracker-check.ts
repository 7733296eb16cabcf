import { asBangerError } from "../../lib/errors.ts";
import type { Finding, HostCheck } from "../../model/doctor.ts";
import type { VmmChoice } from "../../model/vm.ts";
import type { CheckedHost } from "../driver.ts";

/**
 * Looks whether VMs that ask for no VMM run on Firecracker, and why they do not.
 *
 * @param find what it is on this host, in words; rejects where it is not to be had.
 */
export function firecrackerCheck(find: () => Promise<string>, host: CheckedHost): HostCheck {
  return {
    name: "vmm",
    why: "under KVM Firecracker is preferred: it is made for this and nothing else; QEMU runs everywhere, and runs everything",
    essential: false,
    async look() {
      const [kvm, found] = await Promise.all([host.kvm(), lookFor(find)]);
      return describeChoice({ ...found, configured: host.configured, kvm, others: host.others });
    },
  };
}

interface FirecrackerFacts extends Pick<CheckedHost, "others"> {
  readonly configured: VmmChoice;
  readonly kvm: { readonly works: boolean; readonly summary: string };
  readonly usable: boolean;
  /** What it is and where, or why it is not to be had. */
  readonly summary: string;
}

async function lookFor(find: () => Promise<string>): Promise<Pick<FirecrackerFacts, "usable" | "summary">> {
  try {
    return { usable: true, summary: await find() };
  } catch (error) {
    return { usable: false, summary: asBangerError(error).message };
  }
}

/** What comes of the facts. Pure. */
export function describeChoice({ configured, kvm, usable, summary, others }: FirecrackerFacts): Finding {
  const data = { configured, firecracker: usable };
  const fix = "put the `firecracker` of a release of it (1.14 or later) into PATH, or name it by `firecracker_bin`";
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
  if (configured !== "auto") {
    const title = others.find(({ name }) => name === configured)?.title ?? configured;
    return { result: "ok", summary: `${title}, as the configuration says`, data };
  }
  // What runs everything is the last to be asked.
  const instead = others.at(-1)?.title ?? "no VMM";
  if (usable && kvm.works) return { result: "ok", summary: `${summary}; ${instead} for what it cannot do`, data };
  // Each of the two that is missing is named: who mends one should know of the other.
  if (usable) return { result: "ok", summary: `${instead}; ${summary} needs KVM to run guests: ${kvm.summary}`, data };
  if (!kvm.works)
    return { result: "ok", summary: `${instead}; ${summary}, and it would need KVM: ${kvm.summary}`, data };
  return { result: "warn", summary: `${instead}, since ${summary}`, fix, data };
}
