import { basename, join } from "node:path";
import { z } from "zod";
import type { RouteParsedInput } from "../../api/route.ts";
import type { workspaceRoutes } from "../../api/routes/workspaces.ts";
import { vmCreateInput } from "../../api/schemas.ts";
import { intentKind } from "../../core/intents.ts";
import { publish, stage, unpublish } from "../../core/places.ts";
import { readRepository, type Repository } from "../../git/read-repository.ts";
import { removeTree } from "../../lib/destroy.ts";
import { BangerError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { aboutFields } from "../../model/fields/about-fields.ts";
import { checkName, vmNameSchema } from "../../model/names.ts";
import type { Vm } from "../../model/vm.ts";
import type { Workspace } from "../../model/workspace.ts";
import { forgetVm } from "../vms/index.ts";
import { checkGuestGit } from "./guest/guest-git.ts";
import { makeHomeRepository } from "./home/home-repository.ts";
import { sendWorkTree } from "./send/send-work-tree.ts";
import type { WorkspaceContext } from "./workspace-context.ts";

export type CreateRequest = RouteParsedInput<(typeof workspaceRoutes)["workspaceCreate"]>;

/** Payload: the name of the VM that is made for it. */
export const WORKSPACE_CREATE = intentKind("workspace.create", z.object({ vm: z.string().optional() }));

/**
 * Copies a work tree into a VM that runs, or into one that is made of an image for it. All or nothing: when it fails neither
 * the copy nor that VM is left.
 *
 * @throws BangerError `REPOSITORY_UNFIT`, `NAME_TAKEN`, `GUEST_LACKS_GIT`, `FILE_EXISTS`; what making a VM gives cause to.
 */
export async function createWorkspace(
  context: WorkspaceContext,
  request: CreateRequest,
  operation: OperationContext,
): Promise<Workspace> {
  checkTarget(request);
  const repository = await readRepository(request.directory, operation.signal);
  const name = checkName(vmNameSchema, "a workspace", request.name ?? nameOf(repository.top));
  // Of two that want the same name the second sees that it is taken.
  return context.queue.run(`create ${name}`, operation.signal, (signal) =>
    createNamed(context, { name, request, repository }, { ...operation, signal }),
  );
}

async function createNamed(
  context: WorkspaceContext,
  { name, request, repository }: Omit<Making, "id">,
  operation: OperationContext,
): Promise<Workspace> {
  const { layout, store } = context;
  store.workspaces.checkFree(name);
  if (request.image !== undefined) store.vms.checkFree(name);
  const id = newId("ws");
  const intent = store.intents.begin(WORKSPACE_CREATE, id, request.image === undefined ? {} : { vm: name });
  let ownVm: string | undefined;
  try {
    const vm = await vmFor(context, name, request, operation);
    if (request.image !== undefined) ownVm = vm.id;
    const made = await make(context, vm, { id, name, request, repository }, operation);
    await removeTree(layout.workDir, scratchName(id), "work of the open intent that names this id");
    store.intents.end(intent);
    return made;
  } catch (error) {
    await undoCreate(context, id, ownVm);
    store.intents.end(intent, "undone");
    throw error;
  }
}

interface Making {
  readonly id: string;
  readonly name: string;
  readonly request: CreateRequest;
  readonly repository: Repository;
}

async function make(
  context: WorkspaceContext,
  vm: Vm,
  { id, name, request, repository }: Making,
  operation: OperationContext,
): Promise<Workspace> {
  const { layout, store } = context;
  const { signal } = operation;
  const path = request.path ?? `/work/${name}`;
  const { user = "", shallow, untracked } = request;
  const side = context.side(vm.id, user);
  await checkGuestGit(side, vm.name, signal);
  const home = await makeHomeRepository(await stage(layout, id), repository, signal);
  const work = await stage(layout, scratchName(id));
  const { sent, sparse, notes } = await sendWorkTree(
    side,
    { repository, home, work, path, id, untracked, shallow },
    operation,
  );
  try {
    await publish(layout, id, layout.workspacesDir);
    const { branch } = repository.head;
    store.workspaces.insert({
      id,
      name,
      createdAt: new Date().toISOString(),
      state: "creating",
      vm: { id: vm.id, name: vm.name },
      ownVm: request.image !== undefined,
      directory: repository.top,
      path,
      user,
      ...(branch !== undefined && { branch }),
      shallow,
      sparse,
      sent,
      notes: [...notes],
    });
    return store.workspaces.transition(id, "filled");
  } catch (error) {
    await side.remove(path, AbortSignal.timeout(30_000)).catch(() => {});
    throw error;
  }
}

/** Takes away what was made of a workspace. Safe to repeat. @param ownVm id of the VM that was made for it. */
export async function undoCreate(context: WorkspaceContext, id: string, ownVm: string | undefined): Promise<void> {
  const { layout, store } = context;
  store.workspaces.delete(id);
  await removeTree(layout.workDir, scratchName(id), "work of the open intent that names this id, which failed");
  await unpublish(layout, id, layout.workspacesDir);
  if (ownVm !== undefined) await forgetVm(context.vmContext, ownVm);
}

function scratchName(id: string): string {
  return `${id}.send`;
}

async function vmFor(
  { vms, store }: WorkspaceContext,
  name: string,
  { vm, image, nat }: CreateRequest,
  operation: OperationContext,
): Promise<Vm> {
  if (image === undefined) return store.vms.get(vm ?? "");
  return vms.create(vmCreateInput.parse({ name, image, nat }), operation);
}

function checkTarget({ vm, image, path }: CreateRequest): void {
  if ((vm === undefined) === (image === undefined)) {
    throw new BangerError("BAD_REQUEST", {
      what: "a workspace is made in one VM",
      fix: "name either a VM that runs, by `vm`, or an image to make one of, by `image`",
      data: aboutFields("vm", "image"),
    });
  }
  if (path !== undefined && (join("/", path) !== path || path === "/")) {
    throw new BangerError("BAD_REQUEST", {
      what: `${path} cannot be a workspace's folder`,
      fix: "name an absolute path without `..` and without a slash at its end",
      data: aboutFields("path"),
    });
  }
}

/** A work tree's own name, as far as a VM may be called so. */
function nameOf(top: string): string {
  const plain = basename(top)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 50)
    .replace(/^-+|-+$/g, "");
  return plain === "" ? "workspace" : plain;
}
