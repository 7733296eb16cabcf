import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import type { RouteParsedInput } from "../../api/route.ts";
import type { workspaceRoutes } from "../../api/routes/workspaces.ts";
import { intentKind, WORK } from "../../core/intents.ts";
import { stage } from "../../core/places.ts";
import { bringBranch, checkBranch, identity } from "../../git/bring-branch.ts";
import { removeFile, removeTree } from "../../lib/destroy.ts";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { displayName } from "../../model/byte-string.ts";
import { aboutFields } from "../../model/fields/about-fields.ts";
import type { Pulled, WorkState } from "../../model/workspace.ts";
import { stageApply } from "./home/apply/apply-work.ts";
import { forgetPlaced, placeFiles, settlePlaced, stageFolder } from "./home/apply/place-files.ts";
import { fetchWork, type FetchedWork } from "./home/fetch-work.ts";
import { openWorkspace, viewWorkspace, type OpenWorkspace, type WorkspaceContext } from "./workspace-context.ts";

export type PullRequest = RouteParsedInput<(typeof workspaceRoutes)["workspacePull"]>;
type FetchOptions = Pick<PullRequest, "committedOnly" | "maxFileBytes">;

/** Files are being put into a user's work tree. */
export const WORKSPACE_APPLY = intentKind("workspace.apply", z.object({ top: z.string(), apply: z.string() }));

const MAX_BRANCHES = 1000;

/**
 * Brings home what was done in a workspace: as a branch, as a patch in a file, or applied to the work tree.
 *
 * @throws BangerError `WORKSPACE_REFUSED`, `BRANCH_TAKEN`, `WORKSPACE_CONFLICT`, `FILE_EXISTS`.
 */
export async function pullWorkspace(
  context: WorkspaceContext,
  request: PullRequest,
  operation: OperationContext,
): Promise<Pulled> {
  checkWay(request);
  const { id } = context.store.workspaces.get(request.ref);
  return context.queue.run(id, operation.signal, async (signal) => {
    const within = { ...operation, signal };
    const open = await openWorkspace(context, id, signal);
    if (request.branch !== undefined) await checkBranch(open.repository, request.branch, signal);
    return withWork(context, id, async (work) => {
      const fetched = await fetchOpen(open, work, request, within);
      const outcome = await bring(context, { open, fetched, work, request }, within);
      const pulled = { ...pulledState(fetched), at: new Date().toISOString() };
      const workspace = context.store.workspaces.transition(id, "pulled", { pulled });
      return {
        workspace: viewWorkspace(context, workspace),
        applied: false,
        commits: fetched.commits.length,
        files: fetched.changes.map(({ path }) => displayName(path)),
        notes: [...fetched.notes],
        ...outcome,
      };
    });
  });
}

/** Runs something with a folder for what is in the making, which goes with it. */
export async function withWork<T>(
  { layout, store }: WorkspaceContext,
  id: string,
  run: (work: string) => Promise<T>,
): Promise<T> {
  const intent = store.intents.begin(WORK, id);
  try {
    return await run(await stage(layout, id));
  } finally {
    await removeTree(layout.workDir, id, "work of the open intent that names this id");
    store.intents.end(intent);
  }
}

/** Fetches what an opened workspace has. */
export function fetchOpen(
  { side, home, workspace }: OpenWorkspace,
  work: string,
  { committedOnly, maxFileBytes }: FetchOptions,
  operation: OperationContext,
): Promise<FetchedWork> {
  return fetchWork(side, { home, workspace, work, committedOnly, maxFileBytes }, operation);
}

interface Bringing {
  readonly open: OpenWorkspace;
  readonly fetched: FetchedWork;
  readonly work: string;
  readonly request: PullRequest;
}

async function bring(
  context: WorkspaceContext,
  bringing: Bringing,
  { signal, progress }: OperationContext,
): Promise<Pick<Pulled, "branch" | "commit" | "patch"> & { readonly applied?: boolean }> {
  const { open, fetched, request } = bringing;
  if (request.patch !== undefined) {
    await writePatch(open, fetched, request.patch, signal);
    return { patch: request.patch };
  }
  if (request.apply) {
    if (fetched.changes.length > 0) await applyWork(context, bringing, signal);
    return { applied: fetched.changes.length > 0 };
  }
  if (fetched.commits.length === 0 && !(takesUncommitted(bringing) && fetched.changes.length > 0)) return {};
  progress({ id: "branch", label: "bringing the branch home", status: "running" });
  const { repository, home, workspace } = open;
  const commit = await commitOf(bringing, signal);
  const branch = request.branch ?? (await freeBranch(open, signal));
  const have = workspace.sent.head === undefined ? [] : [workspace.sent.head];
  await bringBranch(repository, home, { branch, commit, have }, signal);
  progress({ id: "branch", label: `branch ${branch} is here`, status: "done" });
  return { branch, commit };
}

function takesUncommitted({ fetched, request }: Bringing): boolean {
  return fetched.hasUncommitted && !request.committedOnly;
}

/** The guest's newest commit, or one on top of it with what is not committed there. */
async function commitOf(bringing: Bringing, signal: AbortSignal): Promise<string> {
  const { open, fetched } = bringing;
  const { now, tree } = fetched;
  if (now.head !== undefined && !takesUncommitted(bringing)) return now.head;
  const parents = now.head === undefined ? [] : ["-p", now.head];
  const message = `Uncommitted work in workspace ${open.workspace.name}`;
  const home = open.home.at({ env: identity(open.repository) });
  return home.text(["commit-tree", tree, ...parents, "-m", message], { signal });
}

/** `banger/NAME`, or with a number where there is one that does not lead here. */
async function freeBranch({ repository, workspace }: OpenWorkspace, signal: AbortSignal): Promise<string> {
  const plain = `banger/${workspace.name}`;
  for (let at = 1; at <= MAX_BRANCHES; at += 1) {
    const name = at === 1 ? plain : `${plain}-${at}`;
    const found = await repository.git.text(["for-each-ref", "--format=%(refname)", `refs/heads/${name}`], { signal });
    if (found === "") return name;
  }
  throw new BangerError("BRANCH_TAKEN", {
    what: `there are ${MAX_BRANCHES} branches called ${plain}-…`,
    fix: "name another one with `branch`",
    data: aboutFields("branch"),
  });
}

async function writePatch(
  { home }: OpenWorkspace,
  fetched: FetchedWork,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const patch = home.stream(diffWords(fetched), { signal });
  try {
    await pipeline(patch, createWriteStream(path, { flags: "wx" }), { signal });
  } catch (error) {
    if (hasErrno(error, "EEXIST")) {
      throw new BangerError("FILE_EXISTS", {
        what: `there is a ${path} already`,
        fix: "name a file that is not there",
        data: aboutFields("patch"),
      });
    }
    if (["ENOENT", "ENOTDIR", "EACCES", "EROFS", "EISDIR"].some((code) => hasErrno(error, code))) {
      throw new BangerError("FILE_UNFIT", {
        what: `${path} cannot be written`,
        ...(error instanceof Error && { why: error.message }),
        fix: "name a file in a folder that is there and that you may write to",
        cause: error,
        data: aboutFields("patch"),
      });
    }
    await removeFile(path, "a patch that this call began to write, as a new file");
    throw error;
  }
}

/** How git is asked for what was changed: nothing but git itself is run for it. */
export function diffWords({ tree, from }: FetchedWork, isStat = false): readonly string[] {
  const form = isStat ? ["--stat=100"] : ["--binary", "--full-index"];
  return ["diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", ...form, from, tree];
}

async function applyWork(
  { store }: WorkspaceContext,
  { open, fetched, work }: Bringing,
  signal: AbortSignal,
): Promise<void> {
  const { repository, home, workspace } = open;
  const { top } = repository;
  const apply = newId("ap");
  const intent = store.intents.begin(WORKSPACE_APPLY, workspace.id, { top, apply });
  const { from, changes } = fetched;
  try {
    const stageAt = stageFolder(top, apply);
    const staged = await stageApply({ repository, home, work, from, changes, stage: stageAt }, signal);
    await placeFiles(top, apply, staged, signal);
  } catch (error) {
    // Where this fails too, the intent stays open, and the next start of the daemon tries again.
    await settlePlaced(top, apply);
    store.intents.end(intent, "undone");
    throw error;
  }
  await forgetPlaced(top, apply);
  store.intents.end(intent);
}

/** What has come home by this; what is not committed only where it came, too. */
function pulledState({ now, tree }: FetchedWork): WorkState {
  return { tree, ...(now.head !== undefined && { head: now.head }) };
}

function checkWay({ branch, patch, apply }: PullRequest): void {
  if ([branch !== undefined, patch !== undefined, apply].filter(Boolean).length <= 1) return;
  throw new BangerError("BAD_REQUEST", {
    what: "work comes home in one way at a time",
    fix: "ask for one of `branch`, `patch` and `apply`",
    data: aboutFields("branch", "patch", "apply"),
  });
}
