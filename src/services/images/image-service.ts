import { removeTree } from "../../lib/destroy.ts";
import { BangerError } from "../../lib/errors.ts";
import { isId } from "../../lib/ids.ts";
import type { OperationContext } from "../../lib/progress.ts";
import type { BrokenObject } from "../../store/collection.ts";
import type { Vm } from "../../model/vm.ts";
import { mayNeedKernel, vmMayNeedImage } from "../state/may-hold.ts";
import { viewImage, type Image, type ImageView } from "../../model/image.ts";
import { buildContainerfile, type ContainerfileRequest } from "./build-containerfile.ts";
import { buildImage, type ImageBuildRequest } from "./build-image.ts";
import { forgetOwnedKernels } from "./owned-kernel.ts";
import { readerOf } from "./image-readers.ts";
import { promoteImage } from "./promote-image.ts";
import { refreshImage } from "./refresh-image.ts";
import { registerImage, type ImageRegisterRequest } from "./register-image.ts";
import { troubleWithFiles } from "./user-files.ts";
import { releaseBlobs } from "./image-blobs.ts";
import { pullImage, type ImagePullRequest } from "./pull-image.ts";
import type { SentImage } from "../../model/artefact.ts";
import type { ImageFile } from "../../model/image-file.ts";
import { listFiles, readFileIn, type ListFiles } from "./look-inside.ts";
import { sendToArchive, sendToRegistry, type ImageExportRequest, type ImagePushRequest } from "./send-image.ts";
import type { ImageContext } from "./image-context.ts";

export interface ListRequest extends ListFiles {
  readonly ref: string;
}

export interface ImageService {
  list(): readonly Image[];
  inspect(ref: string): Image;
  pull(request: ImagePullRequest, context: OperationContext): Promise<Image>;
  push(request: ImagePushRequest, context: OperationContext): Promise<SentImage>;
  export(request: ImageExportRequest, context: OperationContext): Promise<SentImage>;
  files(request: ListRequest, signal: AbortSignal): AsyncIterable<ImageFile>;
  file(ref: string, path: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  build(request: ImageBuildRequest, context: OperationContext): Promise<Image>;
  buildContainerfile(request: ContainerfileRequest, context: OperationContext): Promise<Image>;
  register(request: ImageRegisterRequest, context: OperationContext): Promise<Image>;
  promote(ref: string, context: OperationContext): Promise<Image>;
  /** Puts this banger's agent into an image that has another. */
  refresh(ref: string, context: OperationContext): Promise<Image>;
  /** An image with what is to be said of it today. */
  view(image: Image): Promise<ImageView>;
  /** @param force even if its record cannot be read; what it may hold beside its own files stays. */
  delete(ref: string, force?: boolean): Promise<void>;
  broken(): readonly BrokenObject[];
}

/** What makes another thing of an image's files waits for what does so already; looking and making more of it never do. */
export function imageService(context: ImageContext): ImageService {
  const { store, layout, vms } = context;
  const inTurn = async <T>(ref: string, signal: AbortSignal, change: (id: string) => Promise<T>): Promise<T> => {
    const { id } = store.images.get(ref);
    return vms.queue.run(id, signal, () => change(id));
  };
  return {
    list: () => store.images.list(),
    inspect: (ref) => store.images.get(ref),
    pull: (request, operation) => pullImage(context, request, operation),
    push: (request, operation) => sendToRegistry(context, request, operation),
    export: (request, operation) => sendToArchive(context, request, operation),
    files: ({ ref, ...request }, signal) => listFiles(store.images.get(ref), request, signal),
    file: (ref, path, signal) => readFileIn(store.images.get(ref), path, signal),
    build: (request, operation) => buildImage(context, request, operation),
    buildContainerfile: (request, operation) => buildContainerfile(context, request, operation),
    register: (request, operation) => registerImage(context, request, operation),
    promote: (ref, operation) => inTurn(ref, operation.signal, (id) => promoteImage(context, id, operation)),
    refresh: (ref, operation) => inTurn(ref, operation.signal, (id) => refreshImage(context, id, operation)),
    view: async (image) => viewImage(image, (await context.agent()).digest, await troubleWithFiles(image)),
    broken: () => store.images.broken(),
    delete: async (ref, force = false) => {
      const broken = force ? store.images.findBroken(ref) : undefined;
      if (broken !== undefined) return deleteBroken(context, broken);
      await inTurn(ref, new AbortController().signal, async (id) => {
        const image = store.images.get(id);
        refuseIfUsed(context, image);
        const intent = store.intents.begin("image.delete", id);
        store.images.delete(id);
        await removeTree(layout.imagesDir, id, "asked for by image delete; named by its intent; no VM uses it");
        await forgetOwnedKernels(context, id);
        await releaseBlobs(context, image);
        store.intents.end(intent);
      });
    },
  };
}

/** Its folder is certainly its own; a kernel that went with it, and its layers, may be others' by now. */
async function deleteBroken({ store, layout }: ImageContext, { id, name }: BrokenObject): Promise<void> {
  const users = store.vms.list().filter((vm) => vm.image.id === id);
  if (users.length > 0) throw inUse(name, users);
  refuseIfMayBeUsed(store, { id, name });
  const intent = store.intents.begin("image.delete", id);
  store.images.delete(id);
  if (isId(id))
    await removeTree(layout.imagesDir, id, "asked for by image delete --force; named by its intent; no VM uses it");
  store.intents.end(intent);
}

function refuseIfMayBeUsed(store: ImageContext["store"], image: { readonly id: string; readonly name: string }): void {
  const user = vmMayNeedImage(store, image.id);
  if (user === undefined) return;
  throw new BangerError("IMAGE_IN_USE", {
    what: `image ${image.name} may be in use`,
    why: `the record of VM ${user.name} cannot be read, and it may have been made from it`,
    fix: `use the banger that wrote that record; or delete that VM with \`banger vm delete --force ${user.name}\``,
    data: { vms: [user.name] },
  });
}

function refuseIfUsed({ store }: ImageContext, image: Image): void {
  const users = store.vms.list().filter((vm) => vm.image.id === image.id);
  refuseIfKernelUsed(store, image);
  refuseIfMayBeUsed(store, image);
  if (users.length > 0) throw inUse(image.name, users);
  const reader = readerOf(store, image.id);
  if (reader === undefined) return;
  throw new BangerError("IMAGE_IN_USE", {
    what: `image ${image.name} is in use`,
    why: `${reader} reads from its files`,
    fix: "delete that first",
  });
}

function inUse(name: string, users: readonly Vm[]): BangerError {
  const names = users.map((vm) => vm.name);
  return new BangerError("IMAGE_IN_USE", {
    what: `image ${name} is in use`,
    why: `${madeFromIt(names)} made from it`,
    fix: "delete those VMs first",
    data: { vms: names },
  });
}

function madeFromIt(names: readonly string[]): string {
  const [first = ""] = names;
  if (names.length === 1) return `VM ${first} was`;
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return `VMs ${names.slice(0, 3).join(", ")}${more} were`;
}

/** A kernel that goes with its image must not be in use elsewhere. */
function refuseIfKernelUsed(store: ImageContext["store"], image: Image): void {
  const owned = store.kernels.list().filter((kernel) => kernel.owner === image.id);
  const users = owned.flatMap((kernel) => [
    ...store.images.list().filter((other) => other.id !== image.id && other.kernel === kernel.name),
    ...store.vms.list().filter((vm) => vm.image.id !== image.id && vm.kernel.id === kernel.id),
  ]);
  const [user] = users.length > 0 ? [] : owned.flatMap((kernel) => mayNeedKernel(store, kernel) ?? []);
  if (users.length === 0 && (user === undefined || user.id === image.id)) return;
  const names = user === undefined ? users.map(({ name }) => name) : [user.name];
  throw new BangerError("IMAGE_IN_USE", {
    what: `the kernel of image ${image.name} is in use`,
    why: `${names.join(", ")} boot${names.length === 1 ? "s" : ""} with it, and it goes with the image`,
    fix: "delete those first",
    data: { users: names },
  });
}
