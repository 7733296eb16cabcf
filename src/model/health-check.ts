import { z } from "zod";
import type { WAIT_TARGETS } from "./fields/choices.ts";

/** The command by which an image says whether its service is well (HEALTHCHECK of a Containerfile). */
export const healthCheckSchema = z.object({
  argv: z.array(z.string()).min(1),
  intervalMs: z.number().int().positive(),
  timeoutMs: z.number().int().positive(),
  /** Failures within this time of the start count for nothing. */
  startPeriodMs: z.number().int().nonnegative(),
  /** Failures in a row after that, until it counts as ill. */
  retries: z.number().int().positive(),
});
export type HealthCheck = z.infer<typeof healthCheckSchema>;

export type WaitTarget = (typeof WAIT_TARGETS)[number];

/** What systemd said of itself when its jobs were done: in a degraded system some unit has failed. */
export const systemStateSchema = z.object({
  state: z.enum(["running", "degraded"]),
  failedUnits: z.array(z.string()),
});
export type SystemState = z.infer<typeof systemStateSchema>;
