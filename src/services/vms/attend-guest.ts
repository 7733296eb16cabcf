import type { AgentClient } from "../../guest/agent-client.ts";
import { introduce } from "./agent-connection.ts";
import { keepTime } from "./keep-time.ts";
import type { GuestFacts, LiveVm } from "./live-vms.ts";
import { startVmService } from "./vm-service-command.ts";
import type { VmContext } from "./vm-context.ts";
import type { Vm, VmState } from "../../model/vm.ts";
import { watchHalt } from "./watch-halt.ts";

/** States in which a guest stands still on purpose: its clock is set when it goes on. */
const STILL: ReadonlySet<VmState> = new Set(["pausing", "paused", "resuming"]);

/** random_boot_id of the kernel is a UUID; a guest may say anything. */
const BOOT_ID = /^[0-9a-f-]{36}$/;

/** What is to be remembered of the guest at the other end of a connection. */
export async function meetGuest(agent: AgentClient, signal: AbortSignal): Promise<GuestFacts> {
  const { abilities, bootId } = await agent.info(signal);
  return { abilities: new Set(abilities), ...(BOOT_ID.test(bootId) && { bootId }) };
}

/**
 * Does for a guest what goes on for as long as its machine lives: keeps its clock, tells it who it is if it boots another
 * kernel in the same machine (kexec), and ends the machine of one that has halted.
 */
export function attendGuest(context: VmContext, vmId: string, live: LiveVm): void {
  const log = context.log.child({ vm: vmId });
  const isStill = (): boolean => {
    const state = context.store.vms.find(vmId)?.state;
    return state === undefined || STILL.has(state);
  };
  const meet = async (agent: AgentClient, signal: AbortSignal): Promise<boolean> => {
    const facts = await meetGuest(agent, signal);
    const vm = context.store.vms.find(vmId);
    if (vm !== undefined && facts.bootId !== undefined && vm.bootId !== facts.bootId)
      await noteBoot(context, vm, facts.bootId, agent, signal);
    live.guest = facts;
    return facts.abilities.has("clock");
  };
  watchHalt(live, log);
  keepTime({ live, isStill, meet, hostClock: context.hostClock, log }).catch((error: unknown) =>
    log.error({ err: error }, "a guest is not attended"),
  );
}

/** Another boot in the same machine knows nothing of what the first was told. */
async function noteBoot(
  context: VmContext,
  vm: Vm,
  bootId: string,
  agent: AgentClient,
  signal: AbortSignal,
): Promise<void> {
  if (vm.bootId !== undefined) {
    await introduce(context, vm, agent, signal);
    await startVmService(context, vm, agent, signal);
    context.log.info({ vm: vm.name }, "the guest booted another kernel in the same machine");
  }
  const now = context.store.vms.find(vm.id);
  if (now === undefined || context.live.get(vm.id) === undefined) return;
  const { count = 0, quick = 0 } = now.reboots ?? {};
  const reboots = { count: count + 1, quick, lastAt: new Date().toISOString() };
  context.store.vms.update({ ...now, bootId, ...(vm.bootId !== undefined && { reboots }) });
}
