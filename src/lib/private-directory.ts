import { lstatSync } from "node:fs";
import { mkdir } from "node:fs/promises";

/** Whether a folder is this user's, and nobody else may enter it. In /tmp anybody may have made it. */
export function isPrivateDirectory(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
}

/** A folder of ours: made with its parents, mode 0700. */
export async function ensurePrivateDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}
