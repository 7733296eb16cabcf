import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { BangerError, hasErrno } from "../../../lib/errors.ts";
import { ensurePrivateDirectory } from "../../../lib/private-directory.ts";
import { run } from "../../../lib/process.ts";
import type { Config } from "../../../model/config.ts";
import type { Layout } from "../../../model/layout.ts";

export interface SshKey {
  readonly privatePath: string;
  /** One line, as in `authorized_keys`. */
  readonly publicKey: string;
}

/**
 * The key that opens every VM of this user: `ssh_key_path` of the configuration, else one that banger makes once.
 *
 * @throws BangerError `FILE_UNREADABLE` if the configured key has no public half beside it, `TOOL_MISSING` without
 *         ssh-keygen.
 */
export async function ensureSshKey(layout: Layout, config: Config, signal: AbortSignal): Promise<SshKey> {
  const privatePath = config.ssh_key_path ?? layout.sshKey;
  const known = await readPublicKey(privatePath);
  if (known !== undefined) return { privatePath, publicKey: known };
  if (config.ssh_key_path !== undefined) {
    throw new BangerError("FILE_UNREADABLE", {
      what: `there is no public key ${privatePath}.pub`,
      why: "`ssh_key_path` names a private key, and banger needs its public half beside it",
      fix: `make it with \`ssh-keygen -y -f ${privatePath} > ${privatePath}.pub\`, or drop ssh_key_path from ${layout.configFile}`,
    });
  }
  await ensurePrivateDirectory(dirname(privatePath));
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "banger", "-f", privatePath], {
    signal,
    install: "install OpenSSH's client: `apt install openssh-client`",
  });
  const publicKey = await readPublicKey(privatePath);
  if (publicKey === undefined) {
    throw new BangerError("TOOL_FAILED", {
      what: `ssh-keygen made no ${privatePath}.pub`,
      fix: "run `banger doctor`",
    });
  }
  return { privatePath, publicKey };
}

async function readPublicKey(privatePath: string): Promise<string | undefined> {
  try {
    return (await readFile(`${privatePath}.pub`, "utf8")).trim();
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
