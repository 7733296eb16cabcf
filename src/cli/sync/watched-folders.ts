import { type FSWatcher, lstatSync, readdirSync, watch } from "node:fs";
import { join } from "node:path";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import type { IgnoreRules } from "./ignore-rules.ts";

/** Folders below one, each with a watch of its own, of which there are more or fewer as folders come and go. */
export class WatchedFolders implements Disposable {
  readonly #watches = new Map<string, FSWatcher>();
  readonly #top: string;
  readonly #rules: IgnoreRules;
  readonly #tell: (path: string) => void;
  readonly #fail: (error: unknown) => void;

  /**
   * @param tell of a path below the top at which something happened.
   * @param fail of what keeps a folder from being watched that has come since.
   */
  constructor(top: string, rules: IgnoreRules, tell: (path: string) => void, fail: (error: unknown) => void) {
    this.#top = top;
    this.#rules = rules;
    this.#tell = tell;
    this.#fail = fail;
  }

  /**
   * Watches a folder and those in it; whoever looks at them afterwards misses nothing.
   *
   * @throws BangerError `FILE_UNREADABLE` where the host watches no more.
   */
  add(folder: string): void {
    if (this.#watches.has(folder) || (folder !== "" && this.#rules.ignores(folder, true))) return;
    try {
      const one = watch(join(this.#top, folder), (_event, name) => this.#noticed(folder, name));
      one.on("error", () => this.#drop(folder));
      this.#watches.set(folder, one);
      for (const entry of readdirSync(join(this.#top, folder), { withFileTypes: true })) {
        if (entry.isDirectory()) this.add(below(folder, entry.name));
      }
    } catch (error) {
      if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return; // It has gone meanwhile.
      throw cannotWatch(join(this.#top, folder), error);
    }
  }

  #noticed(folder: string, name: string | null): void {
    if (name === null) return this.#tell(folder);
    const path = below(folder, name);
    try {
      const found = lstatSync(join(this.#top, path), { throwIfNoEntry: false });
      if (found?.isDirectory() === true) this.add(path);
      else this.#drop(path);
      this.#tell(path);
    } catch (error) {
      this.#fail(error);
    }
  }

  #drop(folder: string): void {
    for (const [path, one] of this.#watches) {
      if (path !== folder && !path.startsWith(`${folder}/`)) continue;
      one.close();
      this.#watches.delete(path);
    }
  }

  [Symbol.dispose](): void {
    for (const one of this.#watches.values()) one.close();
    this.#watches.clear();
  }
}

function below(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

function cannotWatch(path: string, cause: unknown): BangerError {
  return new BangerError("FILE_UNREADABLE", {
    what: `${path} cannot be watched`,
    ...(cause instanceof Error && { why: cause.message }),
    // inotify(7): ENOSPC is said of this limit.
    fix: hasErrno(cause, "ENOSPC") ? "raise fs.inotify.max_user_watches by sysctl" : "see what may be read of it",
    cause,
  });
}
