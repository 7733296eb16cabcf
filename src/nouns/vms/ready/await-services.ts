import type { AgentClient, ForwardTarget } from "../../../guest/agent-client.ts";
import { asBangerError } from "../../../lib/errors.ts";
import { untilAborted, withDeadline } from "../../../lib/deadline.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { GuestService, ServiceReadiness } from "../../../model/service.ts";
import type { Vm } from "../../../model/vm.ts";

/** Between two attempts at a port on which nobody listens yet: the guest tells nobody when somebody does. */
const RETRY_MS = 100;

/** Which of the services that an image declares can come up in a VM, and why the others cannot. */
export function planReadiness(
  services: readonly GuestService[],
  vm: Pick<Vm, "spec">,
  init: "systemd" | "agent",
): readonly { readonly service: GuestService; readonly skip?: string }[] {
  const startedBy = init === "systemd" || vm.spec.service !== undefined;
  return services.map((service) => ({
    service,
    ...(!startedBy && { skip: "the agent is PID 1 and the VM keeps no command running: nothing would start it" }),
  }));
}

/**
 * Waits until each of the services that can come up takes connections, in the guest.
 *
 * @throws the signal's reason; what the agent throws when it is lost.
 */
export async function awaitServices(
  agent: AgentClient,
  plan: ReturnType<typeof planReadiness>,
  signal: AbortSignal,
): Promise<readonly ServiceReadiness[]> {
  const since = performance.now();
  return Promise.all(
    plan.map(async ({ service, skip }): Promise<ServiceReadiness> => {
      if (skip !== undefined) return { ...service, state: "skipped", why: skip };
      await awaitPort(agent, targetOf(service), signal);
      return { ...service, state: "ready", afterMs: Math.round(performance.now() - since) };
    }),
  );
}

/** How long a service may take to listen on a port that is published for it. It may well never mean to. */
const LISTEN_MS = 20_000;

/**
 * Waits a while for a kept command to listen on the ports that are published for it, so that what connects next is not
 * refused. One that does not is told, and is no failure: banger does not know what the command is for.
 */
export async function awaitPublishedPorts(
  agent: AgentClient,
  vm: Pick<Vm, "name" | "spec">,
  { signal, progress }: OperationContext,
): Promise<void> {
  const silent: number[] = [];
  await Promise.all(
    [...new Set(vm.spec.publish.map(({ guestPort }) => guestPort))].map(async (port) => {
      const what = `port ${port} of ${vm.name}`;
      const target = { kind: "tcp", host: "127.0.0.1", port } as const;
      try {
        await withDeadline(signal, LISTEN_MS, what, (within) => awaitPort(agent, target, within));
      } catch (error) {
        signal.throwIfAborted();
        if (asBangerError(error).code !== "TIMED_OUT") throw error;
        silent.push(port);
      }
    }),
  );
  if (silent.length === 0) return;
  progress({
    id: "ports",
    label: `nothing in ${vm.name} listens on port ${silent.join(", ")} yet`,
    status: "done",
    note: `see \`banger vm logs --service ${vm.name}\``,
  });
}

function targetOf({ kind, port }: GuestService): ForwardTarget {
  return kind === "vsock" ? { kind, port } : { kind, host: "127.0.0.1", port };
}

async function awaitPort(agent: AgentClient, target: ForwardTarget, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      (await agent.forward(target, signal)).destroy();
      return;
    } catch (error) {
      // Refused by the guest; anything else is the agent's own trouble.
      if (asBangerError(error).code !== "BAD_REQUEST") throw error;
      await untilAborted(new Promise((resolve) => setTimeout(resolve, RETRY_MS)), signal);
    }
  }
}
