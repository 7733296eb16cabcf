import { readdirSync } from "node:fs";
import { hasErrno } from "./errors.ts";

/** Names in a folder; none where there is no such folder, or something else in its place. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].some((code) => hasErrno(error, code))) return [];
    throw error;
  }
}
