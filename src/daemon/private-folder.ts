import { lstat } from "node:fs/promises";
import { ensurePrivateDirectory } from "../lib/private-directory.ts";
import { BangerError } from "../lib/errors.ts";

/**
 * Makes sure that a folder is ours alone. The one for sockets may stand in /tmp, where another user could have made it
 * first.
 *
 * @throws BangerError `DAEMON_START_FAILED` if it belongs to somebody else or others may enter it.
 */
export async function claimPrivateDirectory(path: string): Promise<void> {
  await ensurePrivateDirectory(path);
  const found = await lstat(path);
  const uid = process.getuid?.() ?? found.uid;
  if (found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0) return;
  throw new BangerError("DAEMON_START_FAILED", {
    what: `the folder for sockets, ${path}, is not private`,
    why: found.uid === uid ? "others may enter it" : `it belongs to user ${found.uid}`,
    fix: found.uid === uid ? `chmod 700 ${path}` : "set XDG_RUNTIME_DIR to a folder of your own",
  });
}
