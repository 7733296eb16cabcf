import { currentCause } from "../../../core/cause.ts";
import { connectAgent, type AgentClient } from "../../../guest/agent-client.ts";
import { dialerFor } from "../../../guest/dial.ts";
import type { Vm } from "../../../model/vm.ts";
import type { Machine } from "../../../vmm/driver.ts";
import { ensureSshKey } from "./ssh-key.ts";
import { readAgentSecret } from "./agent-secret.ts";
import { checkLine } from "../live/run-folder.ts";
import type { VmContext } from "../vm-context.ts";

/** Connects to a machine's agent, trying anew until the signal aborts: a booting guest has no agent yet. */
export function agentConnector({ agentPath }: Pick<VmContext, "agentPath">) {
  return async (machine: Machine, signal: AbortSignal): Promise<AgentClient> => {
    const secret = await readAgentSecret(machine.record);
    await checkLine(machine.line, secret?.isKnown === true);
    const operationNow = (): string | undefined => currentCause().operation;
    return connectAgent({ dial: dialerFor(machine.line, agentPath), secret, signal, operationNow });
  };
}

/**
 * Tells a fresh guest who it is. Over the agent's own line, so that no image ever carries a name or a key.
 *
 * @returns what the guest could not do of it: a name that its disk cannot hold is no reason not to run.
 */
export async function introduce(
  context: VmContext,
  vm: Vm,
  agent: AgentClient,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const services = context.store.images.find(vm.image.id)?.services ?? [];
  const key = await ensureSshKey(context.layout, context.config, signal);
  const warnings = await agent.configure(
    {
      hostname: vm.name,
      authorizedKeys: [key.publicKey],
      env: vm.spec.env,
      dns: vm.network.mode === "none" ? [] : vm.network.dns,
      vsockPorts: services.filter(({ kind }) => kind === "vsock").map(({ port }) => port),
    },
    signal,
  );
  for (const warning of warnings)
    context.log.warn({ vm: vm.id, warning }, "the guest could not take all that it was told");
  if (vm.spec.diskSizeBytes !== undefined) await agent.growRoot(signal);
  return warnings;
}
