import { z } from "zod";
import { systemStateSchema } from "./health-check.ts";

/**
 * Why a VM's machine ended: by `vm stop`, politely or by force; by the guest, which shut down, rebooted, rebooted without
 * end, or panicked; by its VMM, which failed or was killed; or unseen, while no daemon ran.
 */
export const STOP_CAUSES = [
  "stop",
  "force",
  "guest-shutdown",
  "guest-reboot",
  "reboot-loop",
  "guest-panic",
  "vmm",
  "unseen",
] as const;
export type StopCause = (typeof STOP_CAUSES)[number];

export const vmStopSchema = z.object({
  at: z.iso.datetime(),
  cause: z.enum(STOP_CAUSES),
  /** In words: `the guest shut down`, `QEMU was killed by SIGKILL`. */
  what: z.string(),
});
export type VmStop = z.infer<typeof vmStopSchema>;

/** Times that a guest started its machine again since its VM was started by somebody. */
export const vmRebootsSchema = z.object({
  count: z.number().int(),
  /** Those of the last ones that came within a minute of the guest's being ready. */
  quick: z.number().int(),
  lastAt: z.iso.datetime(),
});
export type VmReboots = z.infer<typeof vmRebootsSchema>;

/** What a VM's record says of the boots of its guest. */
export const vmBootFields = {
  /** /proc/sys/kernel/random/boot_id of the boot that runs, or ran last. */
  bootId: z.string().optional(),
  /** What systemd said, where the last start waited for it. */
  system: systemStateSchema.optional(),
  /** Absent while the guest has not rebooted since somebody started the VM. */
  reboots: vmRebootsSchema.optional(),
  /** How its machine came to its end the last time. */
  lastStop: vmStopSchema.optional(),
};
