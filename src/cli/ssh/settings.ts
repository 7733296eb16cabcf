import type { Result } from "../../client/client.ts";

export type SshAccess = Result<"vmSsh">;
export type SshSetting = readonly [key: string, value: string];

/**
 * What ssh must be told to reach a VM, by the names of ssh_config(5).
 *
 * @param banger the words that run this very program.
 */
export function sshSettings(access: SshAccess, banger: readonly string[]): readonly SshSetting[] {
  return [
    ["ProxyCommand", proxyCommand([...banger, "vm", "proxy", access.id])],
    ["IdentityFile", quoted(access.keyPath)],
    ["IdentitiesOnly", "yes"],
    ["UserKnownHostsFile", quoted(access.knownHostsPath)],
    // Ids never change and are never used again, names are.
    ["HostKeyAlias", access.id],
    ["StrictHostKeyChecking", "yes"],
    // The file is the daemon's; it knows the key already.
    ["UpdateHostKeys", "no"],
  ];
}

/** The same as a block of ssh_config. */
export function sshConfigBlock(access: SshAccess, banger: readonly string[]): string {
  const settings: readonly SshSetting[] = [["User", access.user], ...sshSettings(access, banger)];
  return [`Host ${access.name}.banger`, ...settings.map(([key, value]) => `  ${key} ${value}`)].join("\n");
}

/** ssh runs it by the user's shell, and replaces what begins with a percent sign. */
function proxyCommand(words: readonly string[]): string {
  return words.map((word) => shellQuoted(word).replaceAll("%", "%%")).join(" ");
}

function shellQuoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Paths in ssh_config end at a blank unless they are quoted, and know tokens too. */
function quoted(path: string): string {
  const text = path.replaceAll("%", "%%");
  return /[\s"'\\]/.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : text;
}
