import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../lib/files.ts";
import { ensurePrivateDirectory } from "../../lib/private-directory.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { HOST_KEY_ALIAS, HOST_SUFFIX, type SshAccess } from "./settings.ts";

/** `demo.banger` → `demo`. */
export function vmOfHost(host: string): string {
  return host.endsWith(HOST_SUFFIX) ? host.slice(0, -HOST_SUFFIX.length) : host;
}

/**
 * Writes down whose key is to be met under a host's name, before ssh reads it.
 *
 * @throws BangerError `BAD_USAGE` for a host whose name is no name of a file.
 */
export async function writeHostKey(folder: string, host: string, access: SshAccess): Promise<void> {
  if (host.includes("/") || host.startsWith("."))
    throw badUsage(`"${host}" is no host of banger's`, "write NAME.banger, with the name of a VM");
  const [, ...key] = (await readFile(access.knownHostsPath, "utf8")).trim().split(" ");
  await ensurePrivateDirectory(folder);
  await writeFileAtomic(join(folder, host), `${HOST_KEY_ALIAS} ${key.join(" ")}\n`);
}
