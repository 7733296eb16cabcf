import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { removeFile } from "../lib/destroy.ts";

/** Logs of what is no more are kept for those who want to know why: so many, the newest. */
const KEEP = 50;

/** Makes room for one more log in a folder of them, and makes the folder. What is no log stays. */
export async function makeRoomForLog(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const paths = (await readdir(folder)).filter((name) => name.endsWith(".log")).map((name) => join(folder, name));
  const aged = await Promise.all(paths.map(async (path) => ({ path, at: (await stat(path)).mtimeMs })));
  for (const { path } of aged.toSorted((a, b) => b.at - a.at).slice(KEEP - 1))
    await removeFile(path, "one of ours by its name, in the folder of such logs, and past the fifty newest");
}
