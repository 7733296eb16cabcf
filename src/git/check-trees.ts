import type { ByteString } from "../model/byte-string.ts";
import { refused } from "./refusals.ts";

/** What a tree may have in all, and how deep its folders go, at most. */
export const MAX_TREE_ENTRIES = 1_000_000;
export const MAX_TREE_DEPTH = 200;
/** NAME_MAX and PATH_MAX of Linux (limits.h). */
const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 4000;

const TREE = "40000";
const KNOWN_MODES: ReadonlySet<string> = new Set([TREE, "100644", "100664", "100755", "120000", "160000"]);

export interface TreeEntry {
  readonly mode: string;
  readonly name: ByteString;
  readonly id: string;
}

/** Reads a tree object (gitformat: `MODE NAME\0ID` one after another). */
export function* treeEntries(content: Buffer, idBytes: number): Generator<TreeEntry> {
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at);
    const end = content.indexOf(0, space);
    if (space === -1 || end === -1 || end + idBytes >= content.length)
      throw refused("a tree of the guest's", "it is cut off");
    yield {
      mode: content.toString("latin1", at, space),
      name: content.toString("latin1", space + 1, end),
      id: content.toString("hex", end + 1, end + 1 + idBytes),
    };
    at = end + 1 + idBytes;
  }
}

/** How much a tree unfolds to. */
export interface Extent {
  readonly entries: number;
  readonly depth: number;
  readonly pathBytes: number;
}

/**
 * Holds the trees that a guest sent against what any work tree may be: their names, and what they unfold to. A few small trees
 * can name one another so often that checking them out would fill every disk.
 *
 * @param trees all that came, by their ids.
 * @param before what any tree that was here already unfolds to at most, since they may be named as well.
 * @throws BangerError `WORKSPACE_REFUSED` with the name.
 */
export function checkTrees(trees: ReadonlyMap<string, readonly TreeEntry[]>, before: Extent): void {
  const known = new Map<string, Extent>();
  for (const root of trees.keys()) measure(root, trees, known, before);
}

/** Without recursion: how deep it goes is the guest's word. */
function measure(
  root: string,
  trees: ReadonlyMap<string, readonly TreeEntry[]>,
  known: Map<string, Extent>,
  before: Extent,
): void {
  const todo: string[] = [root];
  const open = new Set<string>();
  for (let id = todo.at(-1); id !== undefined; id = todo.at(-1)) {
    const entries = trees.get(id);
    if (entries === undefined || known.has(id)) {
      todo.pop();
      continue;
    }
    const missing = entries.filter(({ mode, id: child }) => mode === TREE && trees.has(child) && !known.has(child));
    if (missing.length > 0) {
      // An id is a digest of what it names, so that no tree can hold itself.
      if (open.has(id)) throw refused("a tree of the guest's", "it holds itself");
      open.add(id);
      todo.push(...missing.map((entry) => entry.id));
      continue;
    }
    known.set(id, extentOf(entries, known, before));
    todo.pop();
  }
}

function extentOf(entries: readonly TreeEntry[], known: ReadonlyMap<string, Extent>, before: Extent): Extent {
  let [count, depth, pathBytes] = [0, 1, 0];
  for (const { mode, name, id } of entries) {
    checkName(name, mode);
    const below = mode === TREE ? (known.get(id) ?? before) : undefined;
    count += 1 + (below?.entries ?? 0);
    depth = Math.max(depth, 1 + (below?.depth ?? 0));
    pathBytes = Math.max(pathBytes, name.length + (below === undefined ? 0 : 1 + below.pathBytes));
  }
  if (count > MAX_TREE_ENTRIES)
    throw refused("a tree of the guest's unfolds to too much", `it has more than ${MAX_TREE_ENTRIES} files`);
  if (depth > MAX_TREE_DEPTH)
    throw refused("a tree of the guest's is too deep", `it has more than ${MAX_TREE_DEPTH} folders in one another`);
  if (pathBytes > MAX_PATH_BYTES)
    throw refused("a path of the guest's is too long", `it has more than ${MAX_PATH_BYTES} bytes`);
  return { entries: count, depth, pathBytes };
}

/** @throws BangerError `WORKSPACE_REFUSED` for a name that leads out of the tree, or into a repository's own files. */
export function checkName(name: ByteString, mode: string): void {
  const why = wrongName(name) ?? (KNOWN_MODES.has(mode) ? undefined : `its mode is ${mode}`);
  if (why !== undefined) throw refused("a name in the guest's tree is not taken", why, [name]);
}

function wrongName(name: ByteString): string | undefined {
  if (name === "" || name === "." || name === "..") return `"${name}" leads outside of it`;
  if (name.includes("/") || name.includes("\0")) return "it has a slash in it";
  if (name.length > MAX_NAME_BYTES) return `it has ${name.length} bytes`;
  if (isGitFolder(name)) return `${JSON.stringify(name)} is a repository's own, on one system or another`;
  return undefined;
}

/** Code points that HFS+ passes over in a name (git's utf8.c, next_hfs_char). */
const PASSED_OVER = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** `.git` as any system may read it: in any case, with what HFS+ and NTFS pass over, or by its short name of NTFS. */
function isGitFolder(name: ByteString): boolean {
  const text = Buffer.from(name, "latin1").toString("utf8").replaceAll(PASSED_OVER, "").toLowerCase();
  const plain = (text.split(/[:\\]/)[0] ?? "").replace(/[ .]+$/, "");
  return plain === ".git" || plain === "git~1" || text.split("\\").some((part) => part === ".git" || part === "git~1");
}
