const MAX_WIDTH = 30;

/** Words with their explanations in two columns, indented. A long word has its explanation on the next line. */
export function columns(rows: readonly (readonly [left: string, right: string])[]): string {
  const width = Math.min(MAX_WIDTH, Math.max(0, ...rows.map(([left]) => left.length)));
  return rows
    .map(([left, right]) =>
      left.length > width ? `  ${left}\n  ${" ".repeat(width)}  ${right}` : `  ${left.padEnd(width)}  ${right}`,
    )
    .join("\n");
}
