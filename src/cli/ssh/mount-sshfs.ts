import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installHint } from "../../lib/install-hint.ts";
import { run } from "../../lib/process.ts";
import { sshConfigBlock, type SshAccess } from "./settings.ts";

/** Beside sshfs's own patience: a guest that stands still answers nothing. */
const CONNECT_SECONDS = 30;

export interface SshfsMount {
  readonly access: SshAccess;
  /** In the guest; below its user's home unless it begins with a slash. */
  readonly path: string;
  readonly folder: string;
  readonly user?: string | undefined;
  readonly readOnly: boolean;
  /** The words that run this very program. */
  readonly banger: readonly string[];
}

/**
 * Mounts a folder of a guest by sshfs(1), which goes on in the background until the mount ends. Its configuration is read
 * when it connects, and needed no more.
 *
 * @throws BangerError `TOOL_MISSING`, `TOOL_FAILED` with what sshfs says.
 */
export async function mountBySshfs({ access, path, folder, user, readOnly, banger }: SshfsMount): Promise<void> {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-mount-"));
  const config = join(scratch.path, "config");
  await writeFile(config, `${sshConfigBlock({ ...access, ...(user !== undefined && { user }) }, banger)}\n`, {
    mode: 0o600,
    flag: "wx",
  });
  const host = `${access.name}.banger`;
  const options = ["-o", `ConnectTimeout=${CONNECT_SECONDS}`, ...(readOnly ? ["-o", "ro"] : [])];
  await run("sshfs", ["-F", config, ...options, `${host}:${path}`, folder], {
    install: installHint("sshfs"),
    timeoutMs: 2 * CONNECT_SECONDS * 1000,
  });
}
