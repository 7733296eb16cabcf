import { removeTree } from "../../lib/destroy.ts";
import { isId } from "../../lib/ids.ts";
import type { OperationContext } from "../../lib/progress.ts";
import type { BrokenObject } from "../../core/rows.ts";
import type { Image, ImageView } from "../../model/image.ts";
import { forgetOwnedKernels } from "./kernel/owned-kernel.ts";
import { refuseIfMadeFrom, refuseIfUsed } from "./image-users.ts";
import { promoteImage } from "./register/promote-image.ts";
import { refreshImage } from "./refresh/refresh-image.ts";
import { registerImage, type ImageRegisterRequest } from "./register/register-image.ts";
import { releaseBlobs } from "./pull/image-blobs.ts";
import { pullImage, type ImagePullRequest } from "./pull/pull-image.ts";
import type { SentImage } from "../../model/artefact.ts";
import type { ImageFile } from "../../model/image-file.ts";
import { listFiles, readFileIn, type ListFiles } from "./inspect/look-inside.ts";
import { sendToArchive, sendToRegistry, type ImageExportRequest, type ImagePushRequest } from "./pack/send-image.ts";
import type { ImageContext } from "./image-context.ts";
import { viewOf } from "./image-view.ts";
import { IMAGE_DELETE } from "./image-intents.ts";

export interface ListRequest extends ListFiles {
  readonly ref: string;
}

/** All verbs on images. */
export interface ImageVerbs {
  list(): readonly Image[];
  inspect(ref: string): Image;
  pull(request: ImagePullRequest, context: OperationContext): Promise<Image>;
  push(request: ImagePushRequest, context: OperationContext): Promise<SentImage>;
  export(request: ImageExportRequest, context: OperationContext): Promise<SentImage>;
  files(request: ListRequest, signal: AbortSignal): AsyncIterable<ImageFile>;
  file(ref: string, path: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
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
export function imageVerbs(context: ImageContext): ImageVerbs {
  const { store, layout, queue } = context;
  const inTurn = async <T>(ref: string, signal: AbortSignal, change: (id: string) => Promise<T>): Promise<T> => {
    const { id } = store.images.get(ref);
    return queue.run(id, signal, () => change(id));
  };
  return {
    list: () => store.images.list(),
    inspect: (ref) => store.images.get(ref),
    pull: (request, operation) => pullImage(context, request, operation),
    push: (request, operation) => sendToRegistry(context, request, operation),
    export: (request, operation) => sendToArchive(context, request, operation),
    files: ({ ref, ...request }, signal) => listFiles(store.images.get(ref), request, signal),
    file: (ref, path, signal) => readFileIn(store.images.get(ref), path, signal),
    register: (request, operation) => registerImage(context, request, operation),
    promote: (ref, operation) => inTurn(ref, operation.signal, (id) => promoteImage(context, id, operation)),
    refresh: (ref, operation) => inTurn(ref, operation.signal, (id) => refreshImage(context, id, operation)),
    view: (image) => viewOf(context, image),
    broken: () => store.images.broken(),
    delete: async (ref, force = false) => {
      const broken = force ? store.images.findBroken(ref) : undefined;
      if (broken !== undefined) return deleteBroken(context, broken);
      await inTurn(ref, new AbortController().signal, async (id) => {
        const image = store.images.get(id);
        refuseIfUsed(store, image);
        const intent = store.intents.begin(IMAGE_DELETE, id);
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
  refuseIfMadeFrom(store, { id, name });
  const intent = store.intents.begin(IMAGE_DELETE, id);
  store.images.delete(id);
  if (isId(id))
    await removeTree(layout.imagesDir, id, "asked for by image delete --force; named by its intent; no VM uses it");
  store.intents.end(intent);
}
