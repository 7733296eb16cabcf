import type { BenchResult } from "./comparison.ts";

const HEADINGS = ["", "ours", "beside", "ratio", "aim", "holds", "beside what"] as const;

/** Results as lines of a table, numbers to the right. */
export function table(results: readonly BenchResult[]): string {
  const rows = results.map((r) => [
    r.name,
    `${r.ours} ${r.unit}`,
    `${r.beside} ${r.unit}`,
    r.ratio.toFixed(2),
    `≤ ${r.aim}`,
    r.holds ? "yes" : "NO",
    r.besideName,
  ]);
  const widths = HEADINGS.map((heading, i) =>
    Math.max(...[heading, ...rows.map((row) => row[i] ?? "")].map(({ length }) => length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) =>
        i === 0 || i === HEADINGS.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [HEADINGS, ...rows].map(line).join("\n");
}
