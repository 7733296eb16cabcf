import type { Noun } from "../core/noun.ts";
import { eventNoun } from "./events/event-noun.ts";
import { imageNoun } from "./images/image-noun.ts";
import type { Installation } from "./installation.ts";
import { kernelNoun } from "./kernels/kernel-noun.ts";
import type { KernelService } from "./kernels/kernel-service.ts";
import { slot } from "./slot.ts";
import { systemNoun } from "./system/system-noun.ts";
import type { VmContext } from "./vms/vm-context.ts";
import { vmNoun } from "./vms/vm-noun.ts";

/** What this banger is made of. Each noun may use those that stand before it. */
export function builtInNouns(env: NodeJS.ProcessEnv, installation: Installation): readonly Noun[] {
  const kernels = slot<KernelService>("the kernels");
  const vms = slot<VmContext>("the VMs");
  return [
    kernelNoun(installation, kernels),
    vmNoun(env, installation, kernels, vms),
    imageNoun(installation, kernels, vms),
    eventNoun,
    systemNoun(env, vms),
  ];
}
