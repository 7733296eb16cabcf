import { imageRoutes } from "../../api/routes/images.ts";
import { defineNoun, type Noun } from "../../core/noun.ts";
import { viewBroken } from "../../model/broken.ts";
import type { Image, ImageView } from "../../model/image.ts";
import { BlobStore } from "../../oci/layers/blob-store.ts";
import type { Installation } from "../installation.ts";
import { storeWith } from "../../core/store.ts";
import { keyedQueue } from "../../lib/keyed-queue.ts";
import type { KernelVerbs } from "../kernels/index.ts";
import type { Slot } from "../slot.ts";
import { agentNow } from "./agent/agent-now.ts";
import { tryPruneBlobs } from "./pull/image-blobs.ts";
import type { ImageContext } from "./image-context.ts";
import { imageVerbs } from "./image-verbs.ts";
import type { ImageBuilds, VmsOfImages } from "./image-ports.ts";
import type { ImageStore } from "./image-store.ts";
import { imageTable } from "./image-table.ts";
import { imageSettlers } from "./settle-images.ts";

const LINES_AT_ONCE = 64 * 1024;

/** What VMs are made from. */
export function imageNoun(
  { agentPath, rootfsProgram }: Installation,
  kernels: Slot<KernelVerbs>,
  opened: Slot<ImageContext>,
  vms: Slot<VmsOfImages>,
  builds: Slot<ImageBuilds>,
): Noun<typeof imageRoutes> {
  return defineNoun<typeof imageRoutes>({
    name: "image",
    tables: { images: imageTable },
    routes: imageRoutes,
    open({ layout, config, store, log }) {
      const context: ImageContext = {
        layout,
        config,
        store: storeWith<ImageStore>(store, "kernels", "images"),
        log,
        queue: keyedQueue(),
        agent: agentNow(agentPath),
        kernels: kernels.get(),
        blobs: new BlobStore(layout.blobsDir),
        rootfsProgram,
        vms: () => vms.get(),
        builds: () => builds.get(),
      };
      opened.set(context);
      const images = imageVerbs(context);
      const view = async (making: Promise<Image>): Promise<ImageView> => images.view(await making);
      return {
        settlers: imageSettlers(context),
        tidy: () => tryPruneBlobs(context),
        handlers: {
          imageList: async () => [
            ...(await Promise.all(images.list().map((image) => images.view(image)))),
            ...images.broken().map(viewBroken),
          ],
          imageInspect: ({ ref }) => images.view(images.inspect(ref)),
          imagePull: (input, request) => view(images.pull(input, request)),
          imagePush: (input, request) => images.push(input, request),
          imageExport: (input, request) => images.export(input, request),
          imageFiles: (input, { signal }) => jsonLines(images.files(input, signal)),
          imageFile: ({ ref, path }, { signal }) => images.file(ref, path, signal),
          imageRegister: (input, request) => view(images.register(input, request)),
          imagePromote: ({ ref }, request) => view(images.promote(ref, request)),
          imageRefresh: ({ ref }, request) => view(images.refresh(ref, request)),
          imageDelete: async ({ ref, force }) => {
            await images.delete(ref, force);
            return {};
          },
        },
      };
    },
  });
}

/** One JSON object a line, several lines a chunk. */
async function* jsonLines(objects: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  let lines = "";
  for await (const object of objects) {
    lines += `${JSON.stringify(object)}\n`;
    if (lines.length < LINES_AT_ONCE) continue;
    yield Buffer.from(lines);
    lines = "";
  }
  if (lines !== "") yield Buffer.from(lines);
}
