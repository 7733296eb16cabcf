import { badUsage } from "./bad-usage.ts";

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * An instant, of `90s`, `10m`, `2h`, `3d` before now, or of a date as in `2026-01-31T08:00:00Z`.
 *
 * @returns it as RFC 3339 has it.
 * @throws BangerError `BAD_USAGE`.
 */
export function parseSince(word: string, now = Date.now()): string {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(word) ?? [];
  const ms = count === undefined ? dateOf(word) : now - Number(count) * UNIT_MS[(unit ?? "s") as keyof typeof UNIT_MS];
  if (Number.isNaN(ms))
    throw badUsage(`"${word}" is no time`, "write it as in 90s, 10m, 2h, 3d or 2026-01-31T08:00:00Z");
  return new Date(Math.max(ms, 0)).toISOString();
}

/** What is a number alone is no date, though Date takes it for one. */
function dateOf(word: string): number {
  return /^\d{4}-\d\d-\d\d/.test(word) ? Date.parse(word) : Number.NaN;
}
