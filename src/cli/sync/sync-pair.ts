import { readFile, realpath, stat } from "node:fs/promises";
import type { Client } from "../../client/client.ts";
import { BangerError } from "../../lib/errors.ts";
import { IgnoreRules } from "./ignore-rules.ts";
import type { SyncPair } from "./sync-folder.ts";

/** What git keeps for itself, which no .gitignore names. */
const GIT_FOLDER = "/.git";

/**
 * Looks at what is to be like what.
 *
 * @throws BangerError `FILE_UNREADABLE` where the folder, or the file of rules, cannot be read.
 */
export async function syncPair(
  client: Client,
  folder: string,
  to: Pick<SyncPair, "ref" | "path" | "user" | "owner" | "deletes">,
  leftOut: { readonly excludeFrom?: string | undefined; readonly gitignore: boolean },
  signal: AbortSignal,
): Promise<SyncPair> {
  const { excludeFrom, gitignore } = leftOut;
  // A link is not what is to be sent, but what it leads to.
  const top = await realpath(folder).catch(unreadable(folder));
  const isFolder = await stat(top).then((found) => found.isDirectory(), unreadable(folder));
  if (!isFolder) throw new BangerError("FILE_UNREADABLE", { what: `${folder} is no folder`, fix: "name a folder" });
  const lines = excludeFrom === undefined ? [] : [await readFile(excludeFrom, "utf8").catch(unreadable(excludeFrom))];
  const excluded = [...lines, ...(gitignore ? [GIT_FOLDER] : [])];
  const rules = new IgnoreRules(excluded.length === 0 ? undefined : excluded.join("\n"), gitignore);
  return { client, top, ...to, rules, signal };
}

function unreadable(path: string): (error: unknown) => never {
  return (error) => {
    throw new BangerError("FILE_UNREADABLE", {
      what: `${path} cannot be read`,
      ...(error instanceof Error && { why: error.message }),
      fix: "name what is there, and may be read",
    });
  };
}
