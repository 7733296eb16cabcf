import { access, constants, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

/**
 * The path of a program as execvp(3) would find it; undefined when there is none.
 *
 * @param name a name to look for in `searchPath`, or an absolute path to check.
 * @param searchPath folders as in `$PATH`.
 */
export async function findExecutable(
  name: string,
  searchPath = process.env["PATH"] ?? "",
): Promise<string | undefined> {
  const candidates = isAbsolute(name)
    ? [name]
    : searchPath
        .split(delimiter)
        .filter(isAbsolute)
        .map((folder) => join(folder, name));
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
