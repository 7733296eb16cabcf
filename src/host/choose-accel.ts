import type { KvmProbe } from "../model/doctor.ts";
import type { Accel } from "../model/vm.ts";

/** What VMs run by, and why, in words for doctor and inspect. Without a probe's word for KVM it is TCG. */
export function chooseAccel(probe: KvmProbe | undefined): { readonly accel: Accel; readonly reason: string } {
  if (probe === undefined) return { accel: "tcg", reason: "whether KVM runs guests is not known" };
  return { accel: probe.works ? "kvm" : "tcg", reason: probe.summary };
}
