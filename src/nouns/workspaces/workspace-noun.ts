import { workspaceRoutes } from "../../api/routes/workspaces.ts";
import { defineNoun, type Noun } from "../../core/noun.ts";
import { storeWith } from "../../core/store.ts";
import { keyedQueue } from "../../lib/keyed-queue.ts";
import { viewBroken } from "../../model/broken.ts";
import type { Slot } from "../slot.ts";
import type { VmContext, VmVerbs } from "../vms/index.ts";
import { createWorkspace } from "./create-workspace.ts";
import { deleteWorkspace } from "./delete-workspace.ts";
import { vmSide } from "./guest/vm-side.ts";
import { pullWorkspace } from "./pull-workspace.ts";
import { pushWorkspace } from "./push-workspace.ts";
import { workspaceSettlers } from "./settle-workspaces.ts";
import { showDiff, showLog } from "./show-work.ts";
import { viewWorkspace, type WorkspaceContext, type WorkspaceStore } from "./workspace-context.ts";
import { workspaceTable } from "./workspace-table.ts";

/** Work trees of this host in VMs, and the way home of what is done there. */
export function workspaceNoun(vmContext: Slot<VmContext>, verbs: Slot<VmVerbs>): Noun<typeof workspaceRoutes> {
  return defineNoun<typeof workspaceRoutes>({
    name: "workspace",
    tables: { workspaces: workspaceTable },
    routes: workspaceRoutes,
    open({ layout, store: all, log }) {
      const store = storeWith<WorkspaceStore>(all, "images", "vms", "workspaces");
      const vms = vmContext.get();
      const context: WorkspaceContext = {
        layout,
        store,
        log,
        vms: verbs.get(),
        vmContext: vms,
        side: (vmId, user) => vmSide(vms, vmId, user),
        queue: keyedQueue(),
      };
      return {
        settlers: workspaceSettlers(context),
        handlers: {
          workspaceList: () => [
            ...store.workspaces.list().map((one) => viewWorkspace(context, one)),
            ...store.workspaces.broken().map(viewBroken),
          ],
          workspaceInspect: ({ ref }) => viewWorkspace(context, store.workspaces.get(ref)),
          workspaceCreate: async (input, request) =>
            viewWorkspace(context, await createWorkspace(context, input, request)),
          workspacePull: (input, request) => pullWorkspace(context, input, request),
          workspacePush: ({ ref }, request) => pushWorkspace(context, ref, request),
          workspaceDiff: (input, { signal }) => showDiff(context, input, signal),
          workspaceLog: (input, { signal }) => showLog(context, input, signal),
          async workspaceDelete(input, request) {
            await deleteWorkspace(context, input, request);
            return {};
          },
        },
      };
    },
  });
}
