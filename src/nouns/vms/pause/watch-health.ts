import { setTimeout as after } from "node:timers/promises";
import { untilAborted, withDeadline } from "../../../lib/deadline.ts";
import type { Vm, VmSilence } from "../../../model/vm.ts";
import type { LiveVm } from "../live/live-vms.ts";
import { trySettlePaused } from "./pause-vm.ts";
import { noteAnswer, noteSilence } from "../live/silence.ts";
import type { VmContext } from "../vm-context.ts";

export interface HealthPatience {
  /** Between two looks. */
  readonly everyMs: number;
  /** How long an agent may take to answer: a busy host may leave its guest waiting. */
  readonly agentMs: number;
  readonly vmmMs: number;
}

export const HEALTH_PATIENCE: HealthPatience = { everyMs: 15_000, agentMs: 20_000, vmmMs: 5_000 };

/** Between two questions on a line that broke. */
const AGAIN_MS = 250;

/** Looks from time to time whether a machine's agent and VMM answer, and notes who does not, as long as it lives. */
export function watchHealth(context: VmContext, vmId: string, live: LiveVm, patience = HEALTH_PATIENCE): void {
  const { lifetime } = live;
  const watch = async (): Promise<void> => {
    while (!lifetime.aborted) {
      await after(patience.everyMs, undefined, { signal: lifetime, ref: false }).catch(() => undefined);
      if (!lifetime.aborted && !live.ending) await look(context, vmId, live, patience);
    }
  };
  watch().catch((error: unknown) => context.log.error({ err: error, vm: vmId }, "a VM's health is not watched"));
}

async function look(context: VmContext, vmId: string, live: LiveVm, patience: HealthPatience): Promise<void> {
  const vm = context.store.vms.find(vmId);
  if (vm === undefined) return;
  const who = await whoIsSilent(vm, live, patience);
  if (live.lifetime.aborted || live.ending || context.live.get(vmId) !== live) return;
  if (who === undefined) noteAnswer(context, vm);
  else noteSilence(context, vm, who);
  // A VMM that was silent may have done since what it was asked for, with nobody to write it down.
  if (who !== "vmm" && (vm.state === "pausing" || vm.state === "resuming")) {
    await context.queue.run(vmId, live.lifetime, () => trySettlePaused(context, vmId)).catch(() => {});
  }
}

/** Who does not answer; undefined where all do. */
async function whoIsSilent(vm: Vm, live: LiveVm, patience: HealthPatience): Promise<VmSilence["who"] | undefined> {
  if (vm.state === "running" && (await agentAnswers(live, patience.agentMs))) return undefined;
  try {
    const isPaused = await withDeadline(live.lifetime, patience.vmmMs, "the VMM's answer", (within) =>
      live.machine.isPaused(within),
    );
    return vm.state === "running" && !isPaused ? "agent" : undefined;
  } catch {
    return "vmm";
  }
}

async function agentAnswers(live: LiveVm, limitMs: number): Promise<boolean> {
  try {
    await withDeadline(live.lifetime, limitMs, "the agent's answer", async (within) => {
      while (!(await pinged(live, within))) await untilAborted(after(AGAIN_MS, undefined, { ref: false }), within);
    });
    return true;
  } catch {
    return false;
  }
}

/** A line may break while it is asked: then the next one is. */
async function pinged(live: LiveVm, signal: AbortSignal): Promise<boolean> {
  try {
    await (await live.agent(signal)).ping(signal);
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
