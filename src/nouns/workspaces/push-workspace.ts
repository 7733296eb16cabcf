import { isAncestor } from "../../git/bring-branch.ts";
import { BangerError } from "../../lib/errors.ts";
import type { OperationContext } from "../../lib/progress.ts";
import type { Pushed } from "../../model/workspace.ts";
import { readGuestState, runGuest } from "./guest/guest-git.ts";
import type { GuestSide } from "./guest/guest-side.ts";
import { openWorkspace, viewWorkspace, type WorkspaceContext } from "./workspace-context.ts";

/** Under which newer commits of the host's are known in the guest. */
const REMOTE = "refs/remotes/host";

/**
 * Brings newer commits of the work tree's branch into the guest. Its branch is moved on where nothing in the guest stands in the
 * way; else they are there to be merged.
 *
 * @throws BangerError `WORKSPACE_WRONG_STATE`, `REPOSITORY_UNFIT` where there is no commit, `GUEST_GIT_FAILED`.
 */
export async function pushWorkspace(
  context: WorkspaceContext,
  ref: string,
  operation: OperationContext,
): Promise<Pushed> {
  const { id } = context.store.workspaces.get(ref);
  return context.queue.run(id, operation.signal, async (signal) => {
    const { progress } = operation;
    const { workspace, repository, side } = await openWorkspace(context, id, signal);
    const { git, head } = repository;
    if (head.commit === undefined) {
      throw new BangerError("REPOSITORY_UNFIT", {
        what: `${workspace.directory} has no commit yet`,
        fix: "commit what is to be pushed",
      });
    }
    const remote = `${REMOTE}/${head.branch ?? "HEAD"}`;
    const without = [workspace.sent.head, workspace.pushed].flatMap((known) =>
      known === undefined ? [] : [`^${known}`],
    );
    const commits = (await git.text(["rev-list", "--count", head.commit, ...without], { signal })).trim();
    progress({ id: "push", label: `sending ${commits} commits`, status: "running" });
    const input = Buffer.from(`${[head.commit, ...without].join("\n")}\n`);
    const pack = git.stream(["pack-objects", "--revs", "--stdout", "--delta-base-offset", "-q"], { signal, input });
    const cwd = workspace.path;
    await runGuest(side, { argv: ["git", "index-pack", "--stdin"], cwd, input: pack }, signal);
    await runGuest(side, { argv: ["git", "update-ref", remote, head.commit], cwd }, signal);
    const why = await whyNotForwarded(side, { cwd, sparse: workspace.sparse, branch: head.branch, remote }, signal);
    if (why === undefined) await runGuest(side, { argv: ["git", "merge", "-q", "--ff-only", remote], cwd }, signal);
    progress({ id: "push", label: `sent ${commits} commits`, status: "done" });
    const tree = await git.text(["rev-parse", "--verify", `${head.commit}^{tree}`], { signal });
    const isNewer =
      workspace.sent.head === undefined || (await isAncestor(git, workspace.sent.head, head.commit, signal));
    const change =
      why === undefined && isNewer ? { sent: { head: head.commit, tree }, pushed: undefined } : { pushed: head.commit };
    const now = context.store.workspaces.transition(id, "pushed", change);
    return {
      workspace: viewWorkspace(context, now),
      commits: Number(commits),
      forwarded: why === undefined,
      ref: remote.replace(/^refs\/remotes\//, ""),
      ...(why !== undefined && { why }),
    };
  });
}

interface Forwarding {
  readonly cwd: string;
  readonly sparse: boolean;
  readonly branch: string | undefined;
  readonly remote: string;
}

/** Why the guest's branch is not moved on; nothing where it can be. */
async function whyNotForwarded(
  side: GuestSide,
  { cwd, sparse, branch, remote }: Forwarding,
  signal: AbortSignal,
): Promise<string | undefined> {
  const said = async (...argv: readonly string[]): Promise<string> =>
    (await side.run({ argv: ["git", ...argv], cwd }, signal)).stdout.toString("utf8").trim();
  if ((await said("symbolic-ref", "-q", "HEAD")) !== (branch === undefined ? "" : `refs/heads/${branch}`))
    return "another branch is checked out in the guest";
  const { tree } = await readGuestState(side, cwd, { isSparse: sparse, maxFileBytes: Number.MAX_SAFE_INTEGER }, signal);
  if ((await said("rev-parse", "HEAD^{tree}")) !== tree) return "the guest has work that is not committed";
  const { status } = await side.run({ argv: ["git", "merge-base", "--is-ancestor", "HEAD", remote], cwd }, signal);
  return status === 0 ? undefined : "the guest has commits of its own";
}
