import { VM_FIELDS } from "../../model/fields/vm-fields.ts";
import type { OptionSpec } from "../command.ts";
import { badUsage } from "./bad-usage.ts";

export interface AskedVolume {
  readonly volume: string;
  readonly path: string;
  readonly readOnly: boolean;
}

/**
 * Reads `NAME:/PATH` or `NAME:/PATH:ro`; what the parts must be the request's schema says.
 *
 * @throws BangerError `BAD_USAGE`.
 */
export function parseVolume(text: string, option: string): AskedVolume {
  const [volume = "", path = "", mode = "rw", ...more] = text.split(":");
  if (!path.startsWith("/") || more.length > 0 || (mode !== "ro" && mode !== "rw")) {
    throw badUsage(`${option} cannot be ${JSON.stringify(text)}`, "write NAME:/PATH or NAME:/PATH:ro");
  }
  return { volume, path, readOnly: mode === "ro" };
}

export const VOLUME_OPTION = {
  type: "string",
  multiple: true,
  value: "VOLUME",
  help: VM_FIELDS.volumes.help,
  read: parseVolume,
} as const satisfies OptionSpec;
