import { join } from "node:path";
import { isAncestor } from "../../../git/bring-branch.ts";
import type { HostGit } from "../../../git/host-git.ts";
import { receivePack, RECEIVE_LIMITS } from "../../../git/receive-pack.ts";
import { extentOfTree, treeChanges, type TreeChange } from "../../../git/tree-changes.ts";
import { displayName } from "../../../model/byte-string.ts";
import { removeTree } from "../../../lib/destroy.ts";
import { newId } from "../../../lib/ids.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { WorkState, Workspace } from "../../../model/workspace.ts";
import { packFromGuest, readGuestState } from "../guest/guest-git.ts";
import type { GuestSide } from "../guest/guest-side.ts";

export interface FetchRequest {
  readonly home: HostGit;
  readonly workspace: Pick<Workspace, "path" | "sparse" | "sent" | "pushed" | "pulled">;
  /** A folder of ours for what is in the making. */
  readonly work: string;
  /** Leave out what is not committed. */
  readonly committedOnly: boolean;
  readonly maxFileBytes?: number | undefined;
}

/** What a guest has done, checked, in banger's own repository. */
export interface FetchedWork {
  /** As the guest has it now. */
  readonly now: WorkState;
  /** The tree that comes home: without what is not committed, where that was asked. */
  readonly tree: string;
  /** The tree that the changes begin from. */
  readonly from: string;
  /** Whether the guest has files that are not as its newest commit has them. */
  readonly hasUncommitted: boolean;
  /** Commits made there, oldest first. */
  readonly commits: readonly string[];
  readonly changes: readonly TreeChange[];
  readonly notes: readonly string[];
}

const MAX_COMMITS = 100_000;
const GITLINK = "160000";

/**
 * Brings what a guest has done into banger's own repository, where everything is checked; the user's is not touched.
 *
 * @throws BangerError `WORKSPACE_REFUSED`, `GUEST_GIT_FAILED`.
 */
export async function fetchWork(
  side: GuestSide,
  { home, workspace, work, committedOnly, maxFileBytes = RECEIVE_LIMITS.fileBytes }: FetchRequest,
  { signal, progress }: OperationContext,
): Promise<FetchedWork> {
  const { path, sparse, sent, pushed, pulled } = workspace;
  progress({ id: "look", label: "looking at the work tree in the guest", status: "running" });
  const now = await readGuestState(side, path, { isSparse: sparse, maxFileBytes }, signal);
  progress({ id: "look", label: "looking at the work tree in the guest", status: "done" });
  const have = [sent.head, pushed, pulled?.head].filter((id) => id !== undefined);
  if (!(await isHere(home, now, signal))) {
    let done = 0;
    const onBytes = (bytes: number): void => {
      done += bytes;
      progress({ id: "fetch", label: "fetching what is new", unit: "bytes", done, status: "running" });
    };
    const name = newId("in");
    const incoming = join(work, name);
    try {
      const limits = { ...RECEIVE_LIMITS, fileBytes: maxFileBytes };
      const before = await extentOfTree(home, sent.tree, signal);
      const pack = packFromGuest(side, path, now, have, signal);
      const { head, tree } = now;
      await receivePack(home, { pack, head, tree, incoming, limits, before, signal, onBytes });
    } finally {
      await removeTree(work, name, "objects that were fetched by this call, under a new id");
    }
    progress({ id: "fetch", label: "fetched what is new", unit: "bytes", done, status: "done" });
  }
  const headTree =
    now.head === undefined ? undefined : await home.text(["rev-parse", "--verify", `${now.head}^{tree}`], { signal });
  const tree = committedOnly ? (headTree ?? sent.tree) : now.tree;
  const base = committedOnly && sent.head !== undefined ? `${sent.head}^{tree}` : sent.tree;
  const from = await home.text(["rev-parse", "--verify", base], { signal });
  const changes = await treeChanges(home, from, tree, signal);
  return {
    now,
    tree,
    from,
    hasUncommitted: headTree !== now.tree,
    commits: await newCommits(home, now, [sent.head, pushed], signal),
    changes,
    notes: await notesOn(home, { now, sent, changes }, signal),
  };
}

/** Whether all of a state is here: a guest that did nothing sends nothing. */
async function isHere(home: HostGit, { head, tree }: WorkState, signal: AbortSignal): Promise<boolean> {
  const input = Buffer.from([tree, ...(head === undefined ? [] : [head])].map((id) => `${id}\n`).join(""));
  const said = await home.text(["cat-file", "--batch-check=%(objecttype)"], { signal, input });
  return said.split("\n").every((type, at) => type === (at === 0 ? "tree" : "commit"));
}

async function newCommits(
  home: HostGit,
  { head }: WorkState,
  had: readonly (string | undefined)[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (head === undefined) return [];
  const without = had.flatMap((id) => (id === undefined ? [] : [`^${id}`]));
  const args = ["rev-list", "--reverse", "--topo-order", `--max-count=${MAX_COMMITS}`, head, ...without];
  return (await home.text(args, { signal })).split("\n").filter(Boolean);
}

interface Noted {
  readonly now: WorkState;
  readonly sent: WorkState;
  readonly changes: readonly TreeChange[];
}

/** What whoever takes the work should look at. */
async function notesOn(home: HostGit, { now, sent, changes }: Noted, signal: AbortSignal): Promise<readonly string[]> {
  const notes = changes.flatMap(({ path, after }): readonly string[] => {
    const shown = displayName(path);
    if (after?.mode === GITLINK) return [`${shown} is a repository of its own: its files do not come along`];
    if (/(?:^|\/)\.git(?:modules|attributes)$/.test(path)) return [`${shown} is changed: git acts by what it says`];
    return [];
  });
  const isOnTop =
    sent.head === undefined || (now.head !== undefined && (await isAncestor(home, sent.head, now.head, signal)));
  return isOnTop ? notes : [...notes, "the guest's commits do not stand on the one that was sent"];
}
