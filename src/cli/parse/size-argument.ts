import { badUsage } from "./bad-usage.ts";

/**
 * Reads the size of a terminal, columns and rows: `120x40`.
 *
 * @throws BangerError `BAD_USAGE`.
 */
export function parseSize(word: string): { readonly cols: number; readonly rows: number } {
  const [, cols, rows] = /^(\d{1,5})x(\d{1,5})$/.exec(word) ?? [];
  if (cols === undefined || rows === undefined) throw badUsage(`"${word}" is no size`, "write it as in 120x40");
  return { cols: Number(cols), rows: Number(rows) };
}
