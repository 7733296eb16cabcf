import type { Intent } from "../../core/intents.ts";
import type { Settler } from "../../core/recovery.ts";
import { removeTree } from "../../lib/destroy.ts";
import { undoCreate, WORKSPACE_CREATE } from "./create-workspace.ts";
import { WORKSPACE_DELETE } from "./delete-workspace.ts";
import { settlePlaced } from "./home/apply/place-files.ts";
import { WORKSPACE_APPLY } from "./pull-workspace.ts";
import type { WorkspaceContext } from "./workspace-context.ts";

/** How what a daemon left half-done with workspaces is settled. */
export function workspaceSettlers(context: WorkspaceContext): readonly Settler[] {
  const { store, layout } = context;
  return [
    { kind: WORKSPACE_CREATE, settle: (intent) => settleCreate(context, intent) },
    {
      kind: WORKSPACE_APPLY,
      async settle({ subject, payload }) {
        const { top, apply } = WORKSPACE_APPLY.payload.parse(payload);
        const isDone = await settlePlaced(top, apply);
        return `${subject}: ${isDone ? "what it changed in" : "put back what it began to change in"} ${top}`;
      },
    },
    {
      kind: WORKSPACE_DELETE,
      async settle({ subject }) {
        await removeTree(layout.workspacesDir, subject, "named by the open intent workspace.delete");
        store.workspaces.delete(subject);
        return `finished deleting workspace ${subject}`;
      },
    },
  ];
}

async function settleCreate(context: WorkspaceContext, { subject, startedAt, payload }: Intent): Promise<string> {
  const made = context.store.workspaces.find(subject);
  if (made?.state === "ready") return `workspace ${made.name} was made`;
  const { vm: name } = WORKSPACE_CREATE.payload.parse(payload ?? {});
  const vm = name === undefined ? undefined : context.store.vms.find(name);
  // The name was free when the intent was begun.
  await undoCreate(context, subject, vm !== undefined && vm.createdAt >= startedAt ? vm.id : undefined);
  return `undid a workspace that was being made`;
}
