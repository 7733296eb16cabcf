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

/** Under this name a guest's key stands in the file of its host's own. */
export const HOST_KEY_ALIAS = "banger";
export const HOST_SUFFIX = ".banger";

/**
 * A block of ssh_config for every VM there is or will be, by `NAME.banger`. ssh connects by `vm proxy`, which asks who has
 * the name now, and writes down that VM's host key before ssh reads it: names are given again, and keys must not be.
 *
 * @param knownHostsDir holds a file for each host.
 */
export function sshWildcardBlock(keyPath: string, knownHostsDir: string, banger: readonly string[]): string {
  const proxy = proxyCommand([...banger, "vm", "proxy", "--known-hosts", knownHostsDir]);
  const settings: readonly SshSetting[] = [
    ["User", "root"],
    // An ssh before 9.6 takes any word for a host, from a URL for instance; in quotes the shell leaves it one word.
    ["ProxyCommand", `${proxy} '%n'`],
    ["IdentityFile", quoted(keyPath)],
    ["IdentitiesOnly", "yes"],
    ["UserKnownHostsFile", quoted(knownHostsDir, "/%n")],
    ["HostKeyAlias", HOST_KEY_ALIAS],
    ["StrictHostKeyChecking", "yes"],
    ["UpdateHostKeys", "no"],
  ];
  return [`Host *${HOST_SUFFIX}`, ...settings.map(([key, value]) => `  ${key} ${value}`)].join("\n");
}

/** ssh runs it by the user's shell, and replaces what begins with a percent sign. */
function proxyCommand(words: readonly string[]): string {
  return words.map((word) => shellQuoted(word).replaceAll("%", "%%")).join(" ");
}

function shellQuoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Paths in ssh_config end at a blank unless they are quoted, and know tokens too: those of `tokens` stay. */
function quoted(path: string, tokens = ""): string {
  const text = path.replaceAll("%", "%%") + tokens;
  return /[\s"'\\]/.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : text;
}
