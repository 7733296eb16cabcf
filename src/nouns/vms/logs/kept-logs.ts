import { lstat, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { removeFile } from "../../../lib/destroy.ts";

/** Logs of what is no more are kept for those who want to know why: so many, the newest. */
const KEEP = 50;

/** As logs of installations and of failed starts are named. */
const LOG = /^(?:[a-z]{2,4}-[0-9a-z]{16}|.+-\d{4}-\d\d-\d\dT\d{9}Z)\.log$/;

/** Makes room for one more log in a folder of them, and makes the folder. What is no log of ours stays. */
export async function makeRoomForLog(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const paths = (await readdir(folder)).filter((name) => LOG.test(name)).map((name) => join(folder, name));
  const found = await Promise.all(paths.map(async (path) => ({ path, stats: await lstat(path) })));
  const aged = found.flatMap(({ path, stats }) => (stats.isFile() ? [{ path, at: stats.mtimeMs }] : []));
  for (const { path } of aged.toSorted((a, b) => b.at - a.at).slice(KEEP - 1))
    await removeFile(path, "one of ours by its name, in the folder of such logs, and past the fifty newest");
}
