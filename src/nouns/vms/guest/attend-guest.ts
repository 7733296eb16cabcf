import type { AgentInfo } from "../../../guest/agent-info.ts";
import type { AgentClient } from "../../../guest/agent-client.ts";
import { introduce } from "./agent-connection.ts";
import { giveWorld } from "./give-world.ts";
import { keepTime } from "./keep-time.ts";
import type { GuestFacts, LiveVm } from "../live/live-vms.ts";
import { startVmService } from "../commands/vm-service-command.ts";
import type { VmContext } from "../vm-context.ts";
import type { Vm } from "../../../model/vm.ts";
import type { VmState } from "../../../model/vm-states.ts";
import { watchHalt } from "./watch-halt.ts";

/** States in which a guest stands still on purpose: its clock is set when it goes on. */
const STILL: ReadonlySet<VmState> = new Set(["pausing", "paused", "resuming"]);

/** random_boot_id of the kernel is a UUID; a guest may say anything. */
const BOOT_ID = /^[0-9a-f-]{36}$/;

/** What is to be remembered of the guest at the other end of a connection. */
export async function meetGuest(agent: AgentClient, signal: AbortSignal): Promise<GuestFacts> {
  return factsOf(await agent.info(signal));
}

function factsOf({ abilities, bootId }: AgentInfo): GuestFacts {
  return { abilities: new Set(abilities), ...(BOOT_ID.test(bootId) && { bootId }) };
}

/**
 * Does for a guest what goes on for as long as its machine lives: keeps its clock, tells it who it is if it boots another
 * kernel in the same machine (kexec) or its agent starts again, and ends the machine of one that has halted.
 */
export function attendGuest(context: VmContext, vmId: string, live: LiveVm): void {
  const log = context.log.child({ vm: vmId });
  const isStill = (): boolean => {
    const state = context.store.vms.find(vmId)?.state;
    return state === undefined || STILL.has(state);
  };
  const meet = async (agent: AgentClient, signal: AbortSignal): Promise<boolean> => {
    const info = await agent.info(signal);
    const facts = factsOf(info);
    const vm = context.store.vms.find(vmId);
    if (vm !== undefined) {
      const bootId = facts.bootId !== vm.bootId ? facts.bootId : undefined;
      const isOtherBoot = bootId !== undefined && vm.bootId !== undefined;
      if (isOtherBoot || (vm.state === "running" && !info.configured)) await tellAnew(context, vm, agent, signal);
      if (isOtherBoot) await startVmService(context, vm, agent, signal);
      if (bootId !== undefined) noteBoot(context, vm, bootId);
    }
    live.guest = facts;
    return facts.abilities.has("clock");
  };
  watchHalt(live, log);
  keepTime({ live, isStill, meet, hostClock: context.hostClock, log }).catch((error: unknown) =>
    log.error({ err: error }, "a guest is not attended"),
  );
}

/** An agent keeps what it was told in memory: another boot's knows nothing of it, nor does one that has started again. */
async function tellAnew(context: VmContext, vm: Vm, agent: AgentClient, signal: AbortSignal): Promise<void> {
  await introduce(context, vm, agent, signal);
  await giveWorld(context, vm, agent, () => {}, signal); // What it is not given is logged.
  context.log.info({ vm: vm.name }, "the guest's agent had started anew, and was told again who the guest is");
}

function noteBoot(context: VmContext, vm: Vm, bootId: string): void {
  if (vm.bootId !== undefined) context.log.info({ vm: vm.name }, "the guest booted another kernel in the same machine");
  if (context.live.get(vm.id) === undefined) return;
  context.store.vms.transitionIfThere(vm.id, "rebooted", ({ reboots: { count = 0, quick = 0 } = {} }) => {
    const reboots = { count: count + 1, quick, lastAt: new Date().toISOString() };
    return { bootId, ...(vm.bootId !== undefined && { reboots }) };
  });
}
