import { setTimeout } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { BangerError } from "../../../lib/errors.ts";
import type { AgentClient, SupervisedCommand } from "../../../guest/agent-client.ts";
import type { OciConfig } from "../../../model/image.ts";
import type { ServiceStatus } from "../../../model/service.ts";
import type { Vm } from "../../../model/vm.ts";
import { planExec } from "./exec-plan.ts";
import type { LiveVm } from "../live/live-vms.ts";
import type { VmContext } from "../vm-context.ts";

/** Between two writings down: a guest may tell as often as it likes. One that does not stop waits twice as long each time. */
const NOTE_MS = 50;
const LONGEST_NOTE_MS = 2_000;
/** Between two attempts to hear of it again: a line that is there may still refuse. */
const RETRY_MS = 1_000;

/**
 * The command that a VM keeps running, completed from its image; undefined where it keeps none.
 *
 * @throws BangerError `BAD_REQUEST` if neither the VM nor the image names one.
 */
export function planService(vm: Pick<Vm, "spec">, config: OciConfig): SupervisedCommand | undefined {
  const { service } = vm.spec;
  if (service === undefined) return undefined;
  const start = { command: [...service.command], env: {}, cwd: "", user: "" };
  const { argv, env, cwd, user } = planExec(start, vm, config);
  return { argv, env, cwd, user, restart: service.restart, stopSignal: config.stopSignal };
}

/** Has a fresh guest run its VM's command, if there is one. */
export async function startVmService(
  context: VmContext,
  vm: Vm,
  agent: AgentClient,
  signal: AbortSignal,
): Promise<void> {
  if (vm.spec.service === undefined) return;
  const command = planService(vm, context.store.images.get(vm.image.id).config);
  if (command === undefined) return;
  const { abilities } = await agent.info(signal);
  if (!abilities.includes("service")) {
    throw new BangerError("VM_SPEC_INVALID", {
      what: `VM ${vm.name} cannot keep a command running`,
      why: "the agent in its image is older than this banger",
      fix: `put in this one's with \`banger image refresh ${vm.image.name}\`, and make the VM anew`,
    });
  }
  await agent.startService(command, signal);
}

/**
 * Writes down how a VM's command does, for as long as its machine lives. The agent's line may break and come back.
 */
export function followVmService(context: VmContext, vmId: string, live: LiveVm): void {
  if (context.store.vms.find(vmId)?.spec.service === undefined) return;
  const { lifetime } = live;
  const follow = async (): Promise<void> => {
    while (!lifetime.aborted) {
      try {
        const agent = await live.agent(lifetime);
        await noteAll(context, vmId, live, agent.watchService(lifetime));
      } catch (error) {
        if (lifetime.aborted || live.ending) return;
        context.log.info({ err: error, vm: vmId }, "lost sight of a VM's service");
      }
      await pause(RETRY_MS, lifetime);
    }
  };
  follow().catch((error: unknown) => context.log.error({ err: error, vm: vmId }, "a VM's service is not followed"));
}

async function noteAll(
  context: VmContext,
  vmId: string,
  live: LiveVm,
  told: AsyncIterable<ServiceStatus>,
): Promise<void> {
  let restMs = NOTE_MS;
  let readyAt = -Infinity;
  for await (const status of told) {
    const isFlood = performance.now() - readyAt < LONGEST_NOTE_MS;
    restMs = isFlood ? Math.min(2 * restMs, LONGEST_NOTE_MS) : NOTE_MS;
    note(context, vmId, live, status);
    await pause(restMs, live.lifetime);
    readyAt = performance.now();
  }
}

/** Resolves after a while, or when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => undefined);
}

function note(context: VmContext, vmId: string, live: LiveVm, service: ServiceStatus): void {
  const vm = context.store.vms.find(vmId);
  if (vm === undefined || context.live.get(vmId) !== live || isDeepStrictEqual(vm.service, service)) return;
  context.store.vms.transition(vmId, "service-changed", { service });
}

/** What is left to say of a command whose machine is gone. */
export function serviceAtRest(vm: Vm): Pick<Vm, "service"> {
  const { service } = vm;
  if (service === undefined || (service.state !== "running" && service.state !== "restarting")) return {};
  const { pid: _pid, ...rest } = service;
  return { service: { ...rest, state: "stopped", since: new Date().toISOString() } };
}
