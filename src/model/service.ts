import { z } from "zod";
import { RESTART_POLICIES } from "./fields/choices.ts";

/** A command that the agent keeps running in its guest. */
export const serviceSpecSchema = z.object({
  /** Words in place of the image's CMD; empty: the image's own command. */
  command: z.array(z.string()),
  restart: z.enum(RESTART_POLICIES),
});
export type ServiceSpec = z.infer<typeof serviceSpecSchema>;

export const SERVICE_STATES = ["running", "restarting", "exited", "failed", "stopped"] as const;

/** `restarting` waits between two runs; `exited` had status 0; `failed` did not; `stopped` was asked to end. */
export const serviceStatusSchema = z.object({
  state: z.enum(SERVICE_STATES),
  /** In the guest; absent while nothing runs. */
  pid: z.number().int().optional(),
  /** Of the last run that ended; 128 plus the signal's number where one ended it. */
  exitCode: z.number().int().optional(),
  restarts: z.number().int(),
  since: z.iso.datetime(),
  /** Why it could not be run. */
  error: z.string().optional(),
});
export type ServiceStatus = z.infer<typeof serviceStatusSchema>;

/** Something that an image's VMs offer, and that is part of their being ready. */
export const guestServiceSchema = z.object({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, "a service's name has lower-case letters, digits and . _ -"),
  /** `vsock`: the agent offers it on that vsock port, too, unless the guest's program listens there by itself. */
  kind: z.enum(["tcp", "vsock"]),
  port: z.number().int().min(1).max(65_535),
});
export type GuestService = z.infer<typeof guestServiceSchema>;

export const serviceReadinessSchema = guestServiceSchema.extend({
  state: z.enum(["ready", "skipped"]),
  /** Milliseconds from the agent's answer until this one's. */
  afterMs: z.number().optional(),
  why: z.string().optional(),
});
export type ServiceReadiness = z.infer<typeof serviceReadinessSchema>;
