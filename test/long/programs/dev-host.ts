import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** What of this host's programs a test needs: false if all are there, else why it is skipped. */
export function missingPrograms(...names: readonly string[]): string | false {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const missing = names.filter((name) => !folders.some((folder) => isProgram(join(folder, name))));
  return missing.length === 0 ? false : `this host has no ${missing.join(", ")}`;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
