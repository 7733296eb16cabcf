import { BangerError } from "./errors.ts";

declare const bytesBrand: unique symbol;
/** A number of bytes: a whole number, not negative, at most 2^53 - 1. */
export type Bytes = number & { readonly [bytesBrand]: true };

export function bytes(n: number): Bytes {
  if (!Number.isSafeInteger(n) || n < 0) throw new RangeError(`not a number of bytes: ${n}`);
  return n as Bytes;
}

export const kib = (n: number): Bytes => bytes(n * 1024);
export const mib = (n: number): Bytes => bytes(n * 1024 ** 2);
export const gib = (n: number): Bytes => bytes(n * 1024 ** 3);

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/**
 * Reads a size as people write it: `512M`, `2GiB`, `1.5g`, `4096`. Units are powers of 1024.
 *
 * @throws BangerError `BAD_REQUEST` for anything else.
 */
export function parseBytes(text: string): Bytes {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  const size = match === null ? Number.NaN : Number(match[1]) * (UNITS[(match[2] ?? "").toLowerCase()] ?? Number.NaN);
  if (!Number.isSafeInteger(Math.round(size))) {
    throw new BangerError("BAD_REQUEST", {
      what: `"${text}" is not a size`,
      fix: "write a number with a unit: 512M, 2G, 1.5GiB",
    });
  }
  return bytes(Math.round(size));
}

/** `1.5 GiB`, `63 MiB`, `12 B`: at most one decimal. */
export function formatBytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = n;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, "")} ${units[unit] ?? "B"}`;
}
