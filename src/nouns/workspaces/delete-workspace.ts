import { onwardIntentKind } from "../../core/intents.ts";
import { somePaths } from "../../git/git-paths.ts";
import { isId } from "../../lib/ids.ts";
import { removeTree } from "../../lib/destroy.ts";
import { asBangerError, BangerError } from "../../lib/errors.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { aboutFields } from "../../model/fields/about-fields.ts";
import type { WorkState, Workspace } from "../../model/workspace.ts";
import { readGuestState } from "./guest/guest-git.ts";
import { fetchOpen, withWork } from "./pull-workspace.ts";
import { openWorkspace, wrongState, type WorkspaceContext } from "./workspace-context.ts";

/** Once begun it goes through, but for the copy in the guest, which only a running VM gives up. */
export const WORKSPACE_DELETE = onwardIntentKind("workspace.delete");

/**
 * Deletes a workspace: the copy in the guest where its VM runs, and what banger keeps of it. The user's repository stays as it
 * is, and so does the VM.
 *
 * @throws BangerError unless `force` is given: `WORKSPACE_UNPULLED` with what would be lost, `WORKSPACE_WRONG_STATE` where that
 *         cannot be told.
 */
export async function deleteWorkspace(
  context: WorkspaceContext,
  { ref, force }: { readonly ref: string; readonly force: boolean },
  operation: OperationContext,
): Promise<void> {
  const { store } = context;
  const broken = store.workspaces.findBroken(ref);
  if (broken !== undefined && force) return forgetWorkspace(context, broken.id);
  const { id } = store.workspaces.get(ref);
  await context.queue.run(id, operation.signal, async (signal) => {
    const workspace = store.workspaces.get(id);
    const vm = store.vms.find(workspace.vm.id);
    const isUp = vm?.state === "running";
    if (!force && vm !== undefined && !isUp) {
      throw wrongState(
        workspace.name,
        `VM ${vm.name} is ${vm.state}, so that nobody can tell whether work would be lost`,
        `start it with \`banger vm start ${vm.name}\`, or delete it all the same with \`force\``,
      );
    }
    if (!force && isUp) await refuseUnpulled(context, workspace, { ...operation, signal });
    if (isUp) await context.side(workspace.vm.id, workspace.user).remove(workspace.path, signal);
    await forgetWorkspace(context, id);
  });
}

/** Takes away what banger keeps of a workspace. Safe to repeat. */
export async function forgetWorkspace({ store, layout }: WorkspaceContext, id: string): Promise<void> {
  if (!isId(id)) return store.workspaces.delete(id);
  const intent = store.intents.begin(WORKSPACE_DELETE, id);
  await removeTree(
    layout.workspacesDir,
    id,
    "asked for by workspace delete; named by the open intent workspace.delete",
  );
  store.workspaces.delete(id);
  store.intents.end(intent);
}

async function refuseUnpulled(
  context: WorkspaceContext,
  workspace: Workspace,
  operation: OperationContext,
): Promise<void> {
  const { path, user, sparse, sent, pulled } = workspace;
  const side = context.side(workspace.vm.id, user);
  if (!(await side.exists(path, operation.signal))) return;
  const limits = { isSparse: sparse, maxFileBytes: Number.MAX_SAFE_INTEGER };
  const now = await readGuestState(side, path, limits, operation.signal);
  if (isSame(now, sent) || (pulled !== undefined && isSame(now, pulled))) return;
  const lost = await describeLost(context, workspace, operation);
  throw new BangerError("WORKSPACE_UNPULLED", {
    what: `workspace ${workspace.name} has work that has not come home`,
    why: lost,
    fix: `take it with \`banger workspace pull ${workspace.name}\`, or lose it with \`force\``,
    data: aboutFields("force"),
  });
}

function isSame(a: WorkState, b: WorkState): boolean {
  return a.tree === b.tree && a.head === b.head;
}

/** What a workspace has beside what was sent, in words. */
async function describeLost(
  context: WorkspaceContext,
  { id }: Workspace,
  operation: OperationContext,
): Promise<string> {
  try {
    const open = await openWorkspace(context, id, operation.signal);
    return await withWork(context, id, async (work) => {
      const { commits, changes } = await fetchOpen(
        open,
        work,
        { committedOnly: false, maxFileBytes: undefined },
        operation,
      );
      const made = commits.length === 0 ? [] : [`${commits.length} commits`];
      const files = changes.length === 0 ? [] : [`changes of ${somePaths(changes.map((change) => change.path))}`];
      return [...made, ...files].join(", ") || "its branch is not where it was";
    });
  } catch (error) {
    return `it cannot be looked at: ${asBangerError(error).message}`;
  }
}
