import type { Image } from "../../../model/image.ts";
import type { Kernel } from "../../../model/kernel.ts";
import type { Vm } from "../../../model/vm.ts";
import { checkReachable } from "../../images/index.ts";
import { installLog } from "../first-boot/install-logs.ts";
import { planVolumes } from "../disks/vm-volumes.ts";
import { planVm, type VmRequest } from "./plan-vm.ts";
import type { VmContext } from "../vm-context.ts";

/**
 * A new VM's record, from the request and from what this daemon was set up with.
 *
 * @throws BangerError as {@link planVm}.
 */
export function planNewVm(context: VmContext, request: VmRequest, image: Image, kernel: Kernel): Vm {
  checkReachable(image, kernel);
  const volumes = planVolumes(request.volumes ?? [], context.volumes);
  return planVm(request, image, kernel, volumes, context.config, (id) => installLog(context.layout, id));
}
