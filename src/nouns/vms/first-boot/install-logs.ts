import { join } from "node:path";
import type { Layout } from "../../../model/layout.ts";
import { makeRoomForLog } from "../logs/kept-logs.ts";

function folder(layout: Layout): string {
  return join(layout.stateDir, "first-boot");
}

/** Where the log of an installation lies, by the id of the VM or image that it is for. */
export function installLog(layout: Layout, id: string): string {
  return join(folder(layout), `${id}.log`);
}

/** Makes room for a new log. */
export async function pruneInstallLogs(layout: Layout): Promise<void> {
  await makeRoomForLog(folder(layout));
}
