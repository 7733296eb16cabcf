import { createServer } from "node:net";
import { join } from "node:path";
import { removeFile } from "../lib/destroy.ts";
import { BangerError } from "../lib/errors.ts";
import { listenUnix } from "../lib/unix-socket.ts";
import { type Layout, socketsIn } from "../model/layout.ts";
import { claimPrivateDirectory } from "./private-folder.ts";

/**
 * Chooses the folder of the sockets: the state's own, which every client knows, and where that file system holds no
 * sockets, as some of FUSE and 9p, another, which the daemon's record beside its lock then names.
 *
 * @throws BangerError `DAEMON_START_FAILED` where neither holds one.
 */
export async function placeSockets(layout: Layout): Promise<Layout> {
  const reasons: string[] = [];
  for (const runDir of [layout.runDir, layout.otherRunDir]) {
    await claimPrivateDirectory(runDir);
    const why = await whyNoSocket(runDir);
    if (why === undefined) return { ...layout, ...socketsIn(runDir) };
    reasons.push(`${runDir}: ${why}`);
  }
  throw new BangerError("DAEMON_START_FAILED", {
    what: "there is no folder that can hold a socket",
    why: reasons.join("; "),
    fix: "set XDG_STATE_HOME, or XDG_RUNTIME_DIR, to a folder on a file system of this host",
  });
}

/** What bind(2) says to a socket in this folder; undefined where it takes one. */
async function whyNoSocket(folder: string): Promise<string | undefined> {
  const path = join(folder, ".probe.sock");
  const server = createServer();
  try {
    // One that a daemon left which died just then.
    await removeFile(path, "a name of ours alone, in a folder that only we may enter");
    using _name = await listenUnix(server, path);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    await promise;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
