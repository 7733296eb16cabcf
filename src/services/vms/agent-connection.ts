import { connectAgent, type AgentClient } from "../../guest/agent-client.ts";
import { dialerFor } from "../../guest/dial.ts";
import type { Vm } from "../../model/vm.ts";
import type { Machine } from "../../vmm/driver.ts";
import { ensureSshKey } from "../ssh-key.ts";
import { checkLine } from "./run-folder.ts";
import type { VmContext } from "./vm-context.ts";

/** Connects to a machine's agent, trying anew until the signal aborts: a booting guest has no agent yet. */
export function agentConnector({ agentPath }: Pick<VmContext, "agentPath">) {
  return async (machine: Machine, signal: AbortSignal): Promise<AgentClient> => {
    await checkLine(machine.line);
    return connectAgent({ dial: dialerFor(machine.line, agentPath), signal });
  };
}

/**
 * Tells a fresh guest who it is. Over the agent's own line, so that no image ever carries a name or a key.
 */
export async function introduce(context: VmContext, vm: Vm, agent: AgentClient, signal: AbortSignal): Promise<void> {
  const services = context.store.images.find(vm.image.id)?.services ?? [];
  const key = await ensureSshKey(context.layout, context.config, signal);
  await agent.configure(
    {
      hostname: vm.name,
      authorizedKeys: [key.publicKey],
      env: vm.spec.env,
      dns: vm.network.mode === "none" ? [] : vm.network.dns,
      vsockPorts: services.filter(({ kind }) => kind === "vsock").map(({ port }) => port),
    },
    signal,
  );
  if (vm.spec.diskSizeBytes !== undefined) await agent.growRoot(signal);
}
