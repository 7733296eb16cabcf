import { plainText } from "./plain-text.ts";

/** Rows under their headings in aligned columns, two blanks apart. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [headings, ...rows.map((row) => row.map(cell))];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  return cells
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Names and values below each other: `Socket:   /run/…`. */
export function facts(entries: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...entries.map(([name]) => name.length)) + 1;
  return entries.map(([name, value]) => `${`${name}:`.padEnd(width)}  ${cell(value)}`).join("\n");
}

function cell(text: string): string {
  const line = plainText(text).replaceAll("\n", " ");
  return line === "" ? "-" : line;
}
