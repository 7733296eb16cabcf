import { readFile } from "node:fs/promises";
import { join } from "node:path";
import ignore, { type Ignore } from "ignore";
import { hasErrno } from "../../lib/errors.ts";

const RULES_FILE = ".gitignore";
const MAX_RULES_BYTES = 1024 ** 2;

/** What is left out of a folder, by rules as gitignore(5) has them. */
export class IgnoreRules {
  /** By the folder that they lie in; the empty one is the top. */
  readonly #rules = new Map<string, Ignore>();
  /** What no file of the folder's own says. */
  readonly #excluded: Ignore | undefined;
  readonly #readsGitignore: boolean;

  /** @param excluded lines of rules that hold for all of it. */
  constructor(excluded: string | undefined, readsGitignore: boolean) {
    this.#readsGitignore = readsGitignore;
    this.#excluded = excluded === undefined ? undefined : ignore().add(excluded);
  }

  /** Whether a path tells rules: they are to be learned anew when it changes. */
  static isRulesFile(path: string): boolean {
    return path === RULES_FILE || path.endsWith(`/${RULES_FILE}`);
  }

  /** Learns the rules that a folder has now for what is in it. @param folder below the top; empty: the top. */
  async enter(top: string, folder: string): Promise<void> {
    if (!this.#readsGitignore) return;
    this.#rules.delete(folder);
    try {
      const text = await readFile(join(top, folder, RULES_FILE), "utf8");
      if (text.length > MAX_RULES_BYTES) return;
      this.#rules.set(folder, ignore().add(text));
    } catch (error) {
      if (!hasErrno(error, "ENOENT") && !hasErrno(error, "EISDIR")) throw error;
    }
  }

  /** Whether nothing is left out at all. */
  get isEmpty(): boolean {
    return this.#rules.size === 0 && this.#excluded === undefined;
  }

  /** Whether something is left out, itself or with a folder that it lies in. */
  ignores(path: string, isFolder: boolean): boolean {
    if (this.isEmpty) return false;
    const parts = path.split("/");
    return parts.some((_, index) => {
      const isLast = index === parts.length - 1;
      return this.#ignoresIt(parts.slice(0, index + 1), !isLast || isFolder);
    });
  }

  /** The rules of the deepest folder that say something of it. */
  #ignoresIt(parts: readonly string[], isFolder: boolean): boolean {
    for (let depth = parts.length - 1; depth >= 0; depth -= 1) {
      const rules = this.#rules.get(parts.slice(0, depth).join("/"));
      const said = rules?.test(`${parts.slice(depth).join("/")}${isFolder ? "/" : ""}`);
      if (said?.ignored === true) return true;
      if (said?.unignored === true) return false;
    }
    return this.#excluded?.test(`${parts.join("/")}${isFolder ? "/" : ""}`).ignored ?? false;
  }
}
