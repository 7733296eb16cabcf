import { join } from "node:path";
import type { Logger } from "pino";
import type { Store } from "../../core/store.ts";
import { readRepository, type Repository } from "../../git/read-repository.ts";
import type { HostGit } from "../../git/host-git.ts";
import { BangerError } from "../../lib/errors.ts";
import type { KeyedQueue } from "../../lib/keyed-queue.ts";
import type { Layout } from "../../model/layout.ts";
import type { Workspace, WorkspaceView } from "../../model/workspace.ts";
import type { VmContext, VmStore, VmVerbs } from "../vms/index.ts";
import type { GuestSide } from "./guest/guest-side.ts";
import { homeRepository } from "./home/home-repository.ts";
import type { workspaceTable } from "./workspace-table.ts";

export type WorkspaceStore = VmStore & Store<{ readonly workspaces: typeof workspaceTable }>;

/** What the verbs on workspaces share. */
export interface WorkspaceContext {
  readonly layout: Layout;
  readonly store: WorkspaceStore;
  readonly log: Logger;
  readonly vms: VmVerbs;
  readonly vmContext: VmContext;
  /** A guest as one user of its. */
  readonly side: (vmId: string, user: string) => GuestSide;
  /** One queue of changes for each workspace. */
  readonly queue: KeyedQueue;
}

/** A workspace with both its ends at hand. */
export interface OpenWorkspace {
  readonly workspace: Workspace;
  readonly side: GuestSide;
  readonly repository: Repository;
  readonly home: HostGit;
}

/** Where a workspace has its files on this host. */
export function workspaceFolder({ layout }: Pick<WorkspaceContext, "layout">, id: string): string {
  return join(layout.workspacesDir, id);
}

/**
 * @throws BangerError `WORKSPACE_NOT_FOUND`, `WORKSPACE_WRONG_STATE` while it is made, or where its VM is gone;
 *         `REPOSITORY_UNFIT`, `PATH_NOT_FOUND` where the work tree is not there any more.
 */
export async function openWorkspace(
  context: WorkspaceContext,
  ref: string,
  signal: AbortSignal,
): Promise<OpenWorkspace> {
  const workspace = context.store.workspaces.get(ref);
  const { id, name, state, vm, user, directory } = workspace;
  if (state !== "ready") throw wrongState(name, "it is being made", "wait until that is done");
  if (context.store.vms.find(vm.id) === undefined) {
    throw wrongState(name, `its VM ${vm.name} is deleted`, `delete it too, with \`banger workspace delete ${name}\``);
  }
  const repository = await readRepository(directory, signal);
  return {
    workspace,
    repository,
    side: context.side(vm.id, user),
    home: homeRepository(workspaceFolder(context, id), repository),
  };
}

export function wrongState(name: string, why: string, fix: string): BangerError {
  return new BangerError("WORKSPACE_WRONG_STATE", { what: `workspace ${name} cannot be used`, why, fix });
}

/** A workspace as the API shows it. */
export function viewWorkspace({ store }: Pick<WorkspaceContext, "store">, workspace: Workspace): WorkspaceView {
  return { ...workspace, vmState: store.vms.find(workspace.vm.id)?.state ?? "deleted" };
}
