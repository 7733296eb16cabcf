import { setTimeout as after } from "node:timers/promises";
import { untilAborted } from "../../lib/deadline.ts";
import type { IgnoreRules } from "./ignore-rules.ts";
import { WatchedFolders } from "./watched-folders.ts";

/** Changes come in bursts: a save is a write, a rename and a change of times. */
const QUIET_MS = 30;

/**
 * Tells of paths below a folder at which something happened, in batches, until the signal aborts. It watches from the first
 * call of `next` on.
 *
 * Node's own recursive watching looks at each file by itself, and misses what is written to one before it does; a folder's
 * watch (inotify(7)) tells of all that is in it.
 *
 * @throws BangerError `FILE_UNREADABLE` where the host watches no more folders.
 */
export async function* watchFolder(
  top: string,
  rules: IgnoreRules,
  signal: AbortSignal,
): AsyncGenerator<ReadonlySet<string>> {
  let batch = new Set<string>();
  let some = Promise.withResolvers<void>();
  const tell = (path: string): void => {
    batch.add(path);
    some.resolve();
  };
  using folders = new WatchedFolders(top, rules, tell, (error) => some.reject(error));
  folders.add("");
  for (;;) {
    await untilAborted(some.promise, signal);
    await after(QUIET_MS, undefined, { signal });
    const told = batch;
    batch = new Set();
    some = Promise.withResolvers();
    yield told;
  }
}
