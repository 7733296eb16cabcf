import { readFile, realpath, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { removeFile, removeTree } from "../../lib/destroy.ts";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import { writeFileAtomic } from "../../lib/files.ts";
import { ensurePrivateDirectory } from "../../lib/private-directory.ts";

/** What banger wrote into the user's own file is known by this line, and is the line after it. */
const MARK = "# The next line is banger's: `banger ssh-config --uninstall` removes both.";

/** Where the user's own ssh_config lies, with the mode that it has or is to get. */
interface UserConfig {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/**
 * Writes a file of ssh_config, and has the user's own include it, at its top: below a `Host` line it would count for that
 * host alone. What else stands there stays as it is. Again, it changes nothing.
 *
 * @returns the user's file, and whether it was changed.
 * @throws BangerError `FILE_UNREADABLE` where the user's file cannot be read.
 */
export async function installInclude(path: string, block: string, env: NodeJS.ProcessEnv): Promise<IncludeResult> {
  await ensurePrivateDirectory(dirname(path));
  await writeFileAtomic(path, `# Written by \`banger ssh-config --install\`, and again by the next one.\n${block}\n`);
  const config = await userConfig(env);
  await ensurePrivateDirectory(dirname(config.path));
  const lines = `${MARK}\nInclude ${/[\s"'\\]/.test(path) ? `"${path}"` : path}\n`;
  const text = `${lines}${withoutInclude(config.text)}`;
  return write(config, text);
}

/** Takes the include away again, the file, and the folder of host keys. What is not there is no mistake. */
export async function uninstallInclude(
  path: string,
  knownHostsDir: string,
  env: NodeJS.ProcessEnv,
): Promise<IncludeResult> {
  const config = await userConfig(env);
  const result = await write(config, withoutInclude(config.text));
  await removeFile(path, "written by `ssh-config --install`, under a name of banger's own");
  await removeTree(
    dirname(knownHostsDir),
    basename(knownHostsDir),
    "host keys that `vm proxy` wrote, under such a name",
  );
  return result;
}

export interface IncludeResult {
  readonly userConfig: string;
  readonly changed: boolean;
}

async function write({ path, text: before, mode }: UserConfig, text: string): Promise<IncludeResult> {
  if (text === before) return { userConfig: path, changed: false };
  await writeFileAtomic(path, text, mode);
  return { userConfig: path, changed: true };
}

/** @param text of the user's file. @returns the same without our two lines. */
function withoutInclude(text: string): string {
  const lines = text.split("\n");
  const at = lines.indexOf(MARK);
  if (at === -1) return text;
  return lines.toSpliced(at, (lines[at + 1] ?? "").startsWith("Include ") ? 2 : 1).join("\n");
}

async function userConfig(env: NodeJS.ProcessEnv): Promise<UserConfig> {
  const named = join(env["HOME"] ?? homedir(), ".ssh", "config");
  try {
    // Many keep it as a link into a folder of such files.
    const path = await realpath(named);
    const [text, { mode }] = await Promise.all([readFile(path, "utf8"), stat(path)]);
    return { path, text, mode: mode & 0o777 };
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return { path: named, text: "", mode: 0o600 };
    throw new BangerError("FILE_UNREADABLE", {
      what: `${named} cannot be read`,
      why: String(error),
      fix: "make it a file that you can read, and run this again",
      cause: error,
    });
  }
}
