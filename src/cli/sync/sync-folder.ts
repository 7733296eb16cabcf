import type { Client } from "../../client/client.ts";
import { BangerError } from "../../lib/errors.ts";
import { IgnoreRules } from "./ignore-rules.ts";
import { type GuestEntry, planSync } from "./plan-sync.ts";
import { type LocalTree, scanFolder } from "./scan-folder.ts";
import { syncArchive } from "./sync-archive.ts";

/** As deep as a listing goes. */
const MAX_DEPTH = 64;

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
    if (found.size > 0 || !pair.deletes || pair.rules.ignores(path, false)) continue;
    if (await removeGuest(pair, path)) removed += 1;
  }
  const names = [...tree.keys()].toSorted();
  await send(pair, tree, names, false);
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
      after = page.entries.at(-1)?.path ?? after;
      more = page.more && page.entries.length > 0;
    }
  } catch (error) {
    if (!(error instanceof BangerError) || error.code !== "PATH_NOT_FOUND") throw error;
  }
  return all;
}
