import { z } from "zod";
import { accelSchema } from "./vm.ts";

export const CHECK_RESULTS = ["ok", "warn", "fail"] as const;

/** One thing that doctor looked at. */
export const checkSchema = z.object({
  /** Short and stable: `kvm`, `disk-space`. */
  name: z.string(),
  /** `fail` where VMs cannot run because of it; `warn` where they run less well, or something else would not. */
  result: z.enum(CHECK_RESULTS),
  /** What was found, in one line. */
  summary: z.string(),
  /** Why it matters. */
  why: z.string(),
  /** The one command, or deed, that mends it. */
  fix: z.string().optional(),
  /** The same for programs. */
  data: z.record(z.string(), z.unknown()).optional(),
});
export type Check = z.infer<typeof checkSchema>;

/** What a look at one thing found. */
export type Finding = Omit<Check, "name" | "why">;

/** One thing to look at. Whoever knows the thing gives it: a driver that of its VMM, the host's engine that of the host. */
export interface HostCheck {
  readonly name: string;
  /** Why it matters: shown whatever is found. */
  readonly why: string;
  /** Whether no VM can run while this fails. */
  readonly essential: boolean;
  look(signal: AbortSignal): Promise<Finding>;
}

export const doctorReportSchema = z.object({
  /** Whether a VM can be started on this host: what the exit status of `banger doctor` says. */
  canRunVms: z.boolean(),
  /** What VMs would run by. */
  accel: accelSchema,
  checks: z.array(checkSchema),
});
export type DoctorReport = z.infer<typeof doctorReportSchema>;

/** What became of a probe guest under KVM. */
export const kvmProbeSchema = z.object({
  /** Names all that the answer depends on; where it is the same, so is the answer. */
  key: z.string(),
  /** Whether the guest ran to its end. */
  works: z.boolean(),
  /** Whether /dev/kvm could be opened, which proves little. */
  opens: z.boolean(),
  /** In words: `KVM runs guests`, `KVM opens but does not run a guest: it stopped at …`. */
  summary: z.string(),
  /** The step it stopped at, where it began at all. */
  stoppedAt: z.string().optional(),
  tookMs: z.number(),
});
export type KvmProbe = z.infer<typeof kvmProbeSchema>;
