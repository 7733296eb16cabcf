import type { Client } from "../../client/client.ts";
import { BangerError } from "../../lib/errors.ts";
import { IgnoreRules } from "./ignore-rules.ts";
import { type GuestEntry, planSync } from "./plan-sync.ts";
import { type LocalTree, scanFolder } from "./scan-folder.ts";
import { syncArchive } from "./sync-archive.ts";

/** As deep as a listing goes. */
const MAX_DEPTH = 64;
/** More than any folder that is worked in holds; a guest may claim what it likes. */
const MAX_ENTRIES = 2_000_000;

/** A folder of this host, and the one in a VM that is to be like it. */
export interface SyncPair {
  readonly client: Client;
  readonly top: string;
  readonly ref: string;
  readonly path: string;
  readonly user: string;
  readonly owner: string;
  readonly deletes: boolean;
  readonly rules: IgnoreRules;
  readonly signal: AbortSignal;
}

export interface Synced {
  readonly sent: number;
  readonly removed: number;
}

/** Makes the guest's folder as the one of this host is. What is sent gets its name when it is whole. */
export async function syncFolder(pair: SyncPair): Promise<Synced> {
  const { top, rules, deletes } = pair;
  const [local, guest] = await Promise.all([scanFolder(top, rules), listGuest(pair)]);
  const plan = planSync(local, guest, deletes, (path, isFolder) => rules.ignores(path, isFolder));
  for (const path of plan.remove) await removeGuest(pair, path);
  await send(pair, local, plan.send, true);
  return { sent: plan.send.length, removed: plan.remove.length };
}

/** Does the same for paths at which something happened, without looking at all the rest. */
export async function syncPaths(pair: SyncPair, paths: readonly string[]): Promise<Synced> {
  const tree: LocalTree = new Map();
  let removed = 0;
  for (const path of paths.filter((one) => IgnoreRules.isRulesFile(one))) {
    await pair.rules.enter(pair.top, path.slice(0, Math.max(0, path.lastIndexOf("/"))));
  }
  for (const path of paths) {
    const found = await scanFolder(pair.top, pair.rules, path);
    for (const [at, entry] of found) tree.set(at, entry);
    // What is gone does not say what it was, and rules may be for folders alone.
    const isLeftOut = pair.rules.ignores(path, false) || pair.rules.ignores(path, true);
    if (found.size > 0 || !pair.deletes || isLeftOut) continue;
    // In the guest, something that is left out may lie in it: that stays, which only a look at all can tell.
    if (!pair.rules.isEmpty) return syncFolder(pair);
    if (await removeGuest(pair, path)) removed += 1;
  }
  const names = [...tree.keys()].toSorted();
  try {
    await send(pair, tree, names, false);
  } catch (error) {
    // What it was a moment ago is no matter: a file that became a folder, or shorter.
    if (error instanceof BangerError && error.code.startsWith("FILE_")) return syncFolder(pair);
    throw error;
  }
  return { sent: names.length, removed };
}

async function send(pair: SyncPair, tree: LocalTree, paths: readonly string[], isFirst: boolean): Promise<void> {
  if (paths.length === 0 && !isFirst) return;
  const { client, ref, path, user, owner, top, signal } = pair;
  const input = { ref, path, user, owner, parents: true };
  await client.upload("vmArchiveWrite", input, syncArchive(top, tree, paths), { signal });
}

/** @returns whether something was there. */
async function removeGuest({ client, ref, path, user, signal }: SyncPair, name: string): Promise<boolean> {
  try {
    await client.call("vmFileRemove", { ref, path: `${path}/${name}`, user, recursive: true }, { signal });
    return true;
  } catch (error) {
    if (error instanceof BangerError && error.code === "PATH_NOT_FOUND") return false;
    throw error;
  }
}

async function listGuest({ client, ref, path, user, signal }: SyncPair): Promise<readonly GuestEntry[]> {
  const all: GuestEntry[] = [];
  try {
    for (let after = "", more = true; more;) {
      const page = await client.call("vmFileList", { ref, path, user, depth: MAX_DEPTH, after }, { signal });
      all.push(...page.entries);
      if (all.length > MAX_ENTRIES) throw tooMany(ref, path);
      const last = page.entries.at(-1)?.path ?? after;
      more = page.more && last !== after;
      after = last;
    }
  } catch (error) {
    if (!(error instanceof BangerError) || error.code !== "PATH_NOT_FOUND") throw error;
  }
  return all;
}

function tooMany(ref: string, path: string): BangerError {
  return new BangerError("FILE_UNFIT", {
    what: `${path} in ${ref} has more than ${MAX_ENTRIES} files`,
    fix: "sync a folder further down",
  });
}
