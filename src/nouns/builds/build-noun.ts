import { buildRoutes } from "../../api/routes/builds.ts";
import { defineNoun, type Noun } from "../../core/noun.ts";
import type { Image, ImageView } from "../../model/image.ts";
import { viewOf, type ImageBuilds, type ImageContext } from "../images/index.ts";
import type { Slot } from "../slot.ts";
import { forgetVm, type VmContext } from "../vms/index.ts";
import { buildContainerfile, SETTLE_CONTAINER_BUILD } from "./build-containerfile.ts";
import type { BuildContext } from "./build-context.ts";
import { buildImage } from "./build-image.ts";
import { installInit } from "./install-init.ts";

/** What makes images by working in VMs and in containers; it keeps nothing of its own. */
export function buildNoun(
  images: Slot<ImageContext>,
  vms: Slot<VmContext>,
  opened: Slot<ImageBuilds>,
): Noun<typeof buildRoutes> {
  return defineNoun<typeof buildRoutes>({
    name: "build",
    tables: {},
    routes: buildRoutes,
    open() {
      const context: BuildContext = { images: images.get(), vms: vms.get() };
      opened.set({
        installInit: (image, allowHost, operation) => installInit(context, image, allowHost, operation),
        forgetVmsFor: (imageId) => forgetVmsFor(context.vms, imageId),
      });
      const view = async (making: Promise<Image>): Promise<ImageView> => viewOf(context.images, await making);
      return {
        settlers: [SETTLE_CONTAINER_BUILD],
        handlers: {
          imageBuild: (input, request) => view(buildImage(context, input, request)),
          imageBuildContainerfile: (input, request) => view(buildContainerfile(context.images, input, request)),
        },
      };
    },
  });
}

async function forgetVmsFor(context: VmContext, imageId: string): Promise<void> {
  for (const { id, builds } of context.store.vms.list()) if (builds === imageId) await forgetVm(context, id);
}
