import type { RouteParsedInput } from "../../api/route.ts";
import type { workspaceRoutes } from "../../api/routes/workspaces.ts";
import { diffWords, fetchOpen, withWork } from "./pull-workspace.ts";
import type { FetchedWork } from "./home/fetch-work.ts";
import { openWorkspace, type OpenWorkspace, type WorkspaceContext } from "./workspace-context.ts";

type DiffRequest = RouteParsedInput<(typeof workspaceRoutes)["workspaceDiff"]>;
type LogRequest = RouteParsedInput<(typeof workspaceRoutes)["workspaceLog"]>;

interface Fetched {
  readonly open: OpenWorkspace;
  readonly fetched: FetchedWork;
}

/** What was changed in a workspace, as a patch or in figures. */
export async function* showDiff(
  context: WorkspaceContext,
  request: DiffRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { open, fetched } = await fetch(context, request, signal);
  yield* open.home.stream(diffWords(fetched, request.stat), { signal });
}

/** The commits that were made in a workspace, newest first. */
export async function* showLog(
  context: WorkspaceContext,
  { ref, maxFileBytes }: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { open, fetched } = await fetch(context, { ref, committedOnly: true, maxFileBytes }, signal);
  const { workspace, home } = open;
  const { head } = fetched.now;
  if (fetched.commits.length === 0 || head === undefined) return;
  const without = [workspace.sent.head, workspace.pushed].flatMap((id) => (id === undefined ? [] : [`^${id}`]));
  const quiet = ["--no-color", "--no-decorate", "--no-notes", "--no-mailmap", "--no-show-signature"];
  yield* home.stream(["log", ...quiet, "--format=medium", head, ...without, "--"], { signal });
}

/** In the workspace's turn, so that nothing of it changes meanwhile. */
async function fetch(
  context: WorkspaceContext,
  request: Pick<DiffRequest, "ref" | "committedOnly" | "maxFileBytes">,
  signal: AbortSignal,
): Promise<Fetched> {
  const { id } = context.store.workspaces.get(request.ref);
  return context.queue.run(id, signal, async (within) => {
    const open = await openWorkspace(context, id, within);
    const operation = { signal: within, progress: () => {} };
    return withWork(context, id, async (work) => ({ open, fetched: await fetchOpen(open, work, request, operation) }));
  });
}
