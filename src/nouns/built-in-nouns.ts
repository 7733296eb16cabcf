import type { Noun } from "../core/noun.ts";
import { eventNoun } from "./events/event-noun.ts";
import { imageNoun } from "./images/image-noun.ts";
import type { Installation } from "./installation.ts";
import { kernelNoun } from "./kernels/kernel-noun.ts";
import { buildNoun } from "./builds/build-noun.ts";
import type { ImageContext } from "./images/image-context.ts";
import type { ImageBuilds, VmsOfImages } from "./images/image-ports.ts";
import type { KernelVerbs } from "./kernels/kernel-verbs.ts";
import { slot } from "./slot.ts";
import { systemNoun } from "./system/system-noun.ts";
import { volumeNoun } from "./volumes/volume-noun.ts";
import type { VolumeVerbs } from "./volumes/volume-verbs.ts";
import type { VmContext } from "./vms/vm-context.ts";
import { vmNoun } from "./vms/vm-noun.ts";
import type { VmVerbs } from "./vms/vm-verbs.ts";
import { workspaceNoun } from "./workspaces/workspace-noun.ts";

/** What this banger is made of. Each noun may use those that stand before it. */
export function builtInNouns(env: NodeJS.ProcessEnv, installation: Installation): readonly Noun[] {
  const kernels = slot<KernelVerbs>("the kernels");
  const images = slot<ImageContext>("the images");
  const volumes = slot<VolumeVerbs>("the volumes");
  const vms = slot<VmContext>("the VMs");
  const vmVerbs = slot<VmVerbs>("what can be done with VMs");
  // What images need of those that stand after them, and know by these alone.
  const vmsOfImages = slot<VmsOfImages>("what VMs do for images");
  const imageBuilds = slot<ImageBuilds>("what builds do for images");
  return [
    kernelNoun(installation, kernels),
    imageNoun(installation, kernels, images, vmsOfImages, imageBuilds),
    volumeNoun(volumes),
    vmNoun(env, installation, kernels, volumes, { context: vms, verbs: vmVerbs }, vmsOfImages),
    buildNoun(images, vms, imageBuilds),
    workspaceNoun(vms, vmVerbs),
    eventNoun,
    systemNoun(env, vms),
  ];
}
