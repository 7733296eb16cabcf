import type { AgentClient } from "../../../guest/agent-client.ts";
import { withDeadline } from "../../../lib/deadline.ts";
import type { Image } from "../../../model/image.ts";
import type { Vm } from "../../../model/vm.ts";
import { awaitServices, planReadiness } from "./await-services.ts";
import type { VmContext } from "../vm-context.ts";

/** Waits for what the VM's image declares to be part of ready. */
export async function servicesOf(
  context: VmContext,
  vm: Vm,
  agent: AgentClient,
  signal: AbortSignal,
): Promise<Pick<Vm, "services">> {
  const image = context.store.images.find(vm.image.id);
  if (image?.services === undefined || image.services.length === 0) return {};
  const plan = planReadiness(image.services, vm, hasOwnInit(image, vm) ? "systemd" : "agent");
  const wanted = plan
    .filter(({ skip }) => skip === undefined)
    .map(({ service: { name, kind, port } }) => `${name} (${kind} port ${port})`);
  return withDeadline(signal, context.config.vm.start_timeout * 1000, wanted.join(" and "), async (within) => ({
    services: [...(await awaitServices(agent, plan, within))],
  }));
}

function hasOwnInit(image: Image, vm: Vm): boolean {
  const hasInit = image.system.init !== "none" || vm.firstBoot !== undefined;
  return hasInit && vm.spec.init !== "agent";
}
