import { isObjectId } from "../../../git/read-repository.ts";
import { BangerError } from "../../../lib/errors.ts";
import { tooLarge } from "../../../git/refusals.ts";
import { guestGitFailed, lacksGit } from "./guest-errors.ts";
import type { GuestSide, SideCommand } from "./guest-side.ts";

/** What a guest says of its copy; none of it is known to be true. */
export interface GuestState {
  /** The commit that is checked out; absent where there is none. */
  readonly head?: string;
  /** The whole work tree as a tree of git's, with what is not committed. */
  readonly tree: string;
}

/**
 * Writes the guest's work tree down as a tree of git's, by an index of its own, so that the guest's user sees nothing of it.
 * Where files are too large it tells them, and goes no further. $1: the largest size in bytes; $2: more words for `git add`.
 */
const SNAPSHOT = `
set -eu
dir=$(git rev-parse --absolute-git-dir)
index=$dir/banger-index.$$
trap 'rm -f "$index" "$index.lock"' EXIT
large=$(git ls-files -z -m -o --exclude-standard | xargs -0 -r stat -c '%s %F:%n' -- 2>/dev/null \\
  | awk -v most="$1" '$1 > most && $2 == "regular" { sub(/^[0-9]+ [^:]*:/, ""); print "large " $0 }' | head -n 20)
if [ -n "$large" ]; then printf '%s\\n' "$large"; exit 0; fi
[ ! -f "$dir/index" ] || cp -p "$dir/index" "$index"
GIT_INDEX_FILE=$index
export GIT_INDEX_FILE
git add -A $2 1>&2
echo "tree $(git write-tree)"
if head=$(git rev-parse -q --verify 'HEAD^{commit}'); then echo "head $head"; fi
`;

const MAX_NAME = 4096;

/** @throws BangerError `GUEST_LACKS_GIT`, `GUEST_GIT_FAILED`. */
export async function checkGuestGit(side: GuestSide, vm: string, signal: AbortSignal): Promise<void> {
  let answer;
  try {
    answer = await side.run({ argv: ["git", "--version"], cwd: "/" }, signal);
  } catch (error) {
    if (error instanceof BangerError && error.code === "EXEC_FAILED") throw lacksGit(vm, error);
    throw error;
  }
  if (answer.status === 127) throw lacksGit(vm);
  if (answer.status !== 0) throw guestGitFailed({ argv: ["git", "--version"] }, answer.status, answer.said);
}

/**
 * @param isSparse that the copy has only a part of the files.
 * @throws BangerError `WORKSPACE_REFUSED` for changed files of more bytes, by their names; `GUEST_GIT_FAILED`.
 */
export async function readGuestState(
  side: GuestSide,
  path: string,
  { isSparse, maxFileBytes }: { readonly isSparse: boolean; readonly maxFileBytes: number },
  signal: AbortSignal,
): Promise<GuestState> {
  const argv = ["sh", "-c", SNAPSHOT, "sh", String(maxFileBytes), isSparse ? "--sparse" : ""];
  const answer = await runGuest(side, { argv, cwd: path }, signal);
  const said = answer.toString("utf8").split("\n");
  const told = (word: string): readonly string[] =>
    said.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1, MAX_NAME));
  const large = told("large");
  if (large.length > 0) throw tooLarge(large, maxFileBytes);
  const [tree = "", head] = [told("tree").at(-1), told("head").at(-1)];
  if (!isObjectId(tree) || (head !== undefined && !isObjectId(head))) {
    throw guestGitFailed({ argv }, 0, "it did not say what its work tree is");
  }
  return { tree, ...(head !== undefined && { head }) };
}

/** @throws BangerError `GUEST_GIT_FAILED` for any status but 0. */
export async function runGuest(side: GuestSide, command: SideCommand, signal: AbortSignal): Promise<Buffer> {
  const { status, stdout, said } = await side.run(command, signal);
  if (status !== 0) throw guestGitFailed(command, status, said);
  return stdout;
}

/**
 * The objects of a guest's copy that are not on this host yet, as a pack.
 *
 * @param have commits that are here: what they hold need not come.
 */
export async function* packFromGuest(
  side: GuestSide,
  path: string,
  { head, tree }: GuestState,
  have: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const known: string[] = [];
  for (const id of have) {
    const { status } = await side.run({ argv: ["git", "cat-file", "-e", `${id}^{commit}`], cwd: path }, signal);
    if (status === 0) known.push(`^${id}`);
  }
  const wanted = [...(head === undefined ? [] : [head]), tree, ...known];
  const argv = ["git", "pack-objects", "--revs", "--stdout", "--delta-base-offset", "-q"];
  yield* side.stream({ argv, cwd: path, input: Buffer.from(`${wanted.join("\n")}\n`) }, signal);
}
