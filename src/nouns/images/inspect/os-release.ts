import type { GuestSystem } from "../../../model/image.ts";

/** The fields of an os-release file (os-release(5)): shell-like assignments, quotes taken off. */
export function parseOsRelease(text: string): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const match = /^([A-Z][A-Z0-9_]{0,63})=(.{0,512})$/.exec(line.trim());
    if (match?.[1] === undefined || match[2] === undefined) continue;
    fields[match[1]] = match[2].replace(/^(["'])(.*)\1$/, "$2").replace(/\\(["'$`\\])/g, "$1");
  }
  return fields;
}

/** What banger goes by, of these fields. */
export function systemOf(fields: Readonly<Record<string, string>>): Omit<GuestSystem, "init"> {
  const { ID: osId, ID_LIKE: osIdLike, VERSION_ID: osVersion, PRETTY_NAME: osName } = fields;
  return {
    ...(osId !== undefined && { osId }),
    ...(osIdLike !== undefined && { osIdLike }),
    ...(osVersion !== undefined && { osVersion }),
    ...(osName !== undefined && { osName }),
  };
}
