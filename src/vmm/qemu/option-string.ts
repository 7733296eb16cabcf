/**
 * QEMU's `key=value,key=value` (QEMU manual, "Options are … separated by commas"). A comma inside a value is doubled;
 * without that, a path with a comma in it would be read as options.
 */
export function optionString(
  first: string,
  options: Readonly<Record<string, string | number | undefined>> = {},
): string {
  const words = Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${escapeCommas(String(value))}`);
  return [escapeCommas(first), ...words].join(",");
}

function escapeCommas(value: string): string {
  return value.replaceAll(",", ",,");
}
