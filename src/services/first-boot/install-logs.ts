import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Layout } from "../../model/layout.ts";

/** Logs of machines that are no more are kept for those who want to know why: so many, the newest. */
const KEEP = 50;

function folder(layout: Layout): string {
  return join(layout.stateDir, "first-boot");
}

/** Where the log of an installation lies, by the id of the VM or image that it is for. */
export function installLog(layout: Layout, id: string): string {
  return join(folder(layout), `${id}.log`);
}

/** Makes room for a new log. */
export async function pruneInstallLogs(layout: Layout): Promise<void> {
  await mkdir(folder(layout), { recursive: true, mode: 0o700 });
  const paths = (await readdir(folder(layout))).map((name) => join(folder(layout), name));
  const aged = await Promise.all(paths.map(async (path) => ({ path, at: (await stat(path)).mtimeMs })));
  for (const { path } of aged.toSorted((a, b) => b.at - a.at).slice(KEEP)) await rm(path, { force: true });
}
