import { z } from "zod";
import type { HealthCheck } from "../../model/health-check.ts";

const NS_PER_MS = 1_000_000;
const HOUR_MS = 3_600_000;
/** What Docker takes where an image says nothing, or 0. */
const DEFAULT = { intervalMs: 30_000, timeoutMs: 30_000, startPeriodMs: 0, retries: 3 };

const numberish = z.number().nonnegative().nullish().catch(undefined);

/** `Healthcheck` of an image config: Docker's addition to the OCI image spec (HealthcheckConfig); times in nanoseconds. */
const healthcheckSchema = z.object({
  Test: z.array(z.string()).max(1_000).nullish(),
  Interval: numberish,
  Timeout: numberish,
  StartPeriod: numberish,
  Retries: numberish,
});

/** Undefined where an image has none, has taken away its base's (`NONE`), or says nothing that can be run. */
export function parseHealthCheck(said: unknown): HealthCheck | undefined {
  const { data } = healthcheckSchema.safeParse(said);
  const [kind, ...words] = data?.Test ?? [];
  const argv = kind === "CMD-SHELL" ? ["/bin/sh", "-c", words.join(" ")] : kind === "CMD" ? words : [];
  if (data === undefined || words.length === 0 || argv.length === 0 || argv.some((word) => word.includes("\0")))
    return undefined;
  return {
    argv,
    intervalMs: ms(data.Interval) || DEFAULT.intervalMs,
    timeoutMs: ms(data.Timeout) || DEFAULT.timeoutMs,
    startPeriodMs: ms(data.StartPeriod) || DEFAULT.startPeriodMs,
    retries: Math.min(Math.round(data.Retries ?? 0), 1_000) || DEFAULT.retries,
  };
}

function ms(ns: number | null | undefined): number {
  return Math.min(Math.round((ns ?? 0) / NS_PER_MS), HOUR_MS);
}

/** As an image config says it; the inverse of {@link parseHealthCheck}. */
export function writeHealthCheck({ argv, intervalMs, timeoutMs, startPeriodMs, retries }: HealthCheck): object {
  return {
    Test: ["CMD", ...argv],
    Interval: intervalMs * NS_PER_MS,
    Timeout: timeoutMs * NS_PER_MS,
    StartPeriod: startPeriodMs * NS_PER_MS,
    Retries: retries,
  };
}
