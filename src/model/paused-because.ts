import { z } from "zod";

/** Why a VM is paused though nobody asked for it. */
export const pausedBecauseSchema = z.discriminatedUnion("kind", [
  z.object({
    /** The host had no room for what the guest wrote. Nothing of it is lost: it is written when the VM goes on. */
    kind: z.literal("host-disk-full"),
    /** The disk of the VM that could not grow, and where it lies on the host. */
    disk: z.string(),
    path: z.string().optional(),
    since: z.iso.datetime(),
  }),
  z.object({
    /** The VMM could not go on with the guest. */
    kind: z.literal("vmm-stopped"),
    /** In the VMM's own word, as `internal-error`. */
    reason: z.string(),
    since: z.iso.datetime(),
  }),
]);
export type PausedBecause = z.infer<typeof pausedBecauseSchema>;
export type HostDiskFull = Extract<PausedBecause, { kind: "host-disk-full" }>;
