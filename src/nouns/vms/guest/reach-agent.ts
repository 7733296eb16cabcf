import type { AgentClient } from "../../../guest/agent-client.ts";
import { untilAborted, withDeadline } from "../../../lib/deadline.ts";
import { asBangerError, BangerError } from "../../../lib/errors.ts";
import type { Vm } from "../../../model/vm.ts";
import { standsStill } from "../live/stall.ts";
import type { LiveVm } from "../live/live-vms.ts";
import { notAnswering } from "../live/run-folder.ts";
import { unresponsive } from "../live/silence.ts";
import type { VmContext } from "../vm-context.ts";

/** How long an agent may take to be reached, and then to begin with what it is asked for. */
const REACH_MS = 30_000;

export interface RunningVm {
  readonly vm: Vm;
  readonly live: LiveVm;
}

/**
 * A VM that runs, and its machine. One that is being taken back is waited for.
 *
 * @throws BangerError `VM_WRONG_STATE`, `VM_UNRESPONSIVE` if its VMM has not answered.
 */
export async function runningVm(context: VmContext, ref: string, signal: AbortSignal): Promise<RunningVm> {
  const { store, attaching, silent } = context;
  const { id } = store.vms.get(ref);
  await untilAborted(attaching.get(id) ?? Promise.resolve(), signal);
  const vm = store.vms.get(id);
  const live = context.live.get(id);
  if (live !== undefined && vm.state === "running") return { vm, live };
  const silence = silent.get(id);
  if (live === undefined && vm.machine !== undefined) throw await notAnswering(vm, silence);
  if (silence?.who === "vmm") throw unresponsive(vm, silence);
  if (vm.state === "paused" && vm.pausedBecause !== undefined) throw standsStill(vm.name, vm.pausedBecause);
  throw new BangerError("VM_WRONG_STATE", {
    what: `VM ${vm.name} is ${vm.state}`,
    ...(vm.failure !== undefined && { why: vm.failure.what }),
    fix: wayToRunning(vm),
    data: { state: vm.state },
  });
}

function wayToRunning({ name, state }: Vm): string {
  switch (state) {
    case "paused":
      return `let it go on with \`banger vm resume ${name}\``;
    case "stopped":
    case "failed":
      return `start it with \`banger vm start ${name}\``;
    default:
      return "try again when that is done; `banger vm list` shows it";
  }
}

/**
 * Has the agent of a running VM begin with something, within a limit; what has begun is not bounded by it.
 *
 * @param wanted what it is to do, in words: `start the command`.
 * @throws BangerError as {@link runningVm}; `VM_UNRESPONSIVE` if nothing came within the limit.
 */
export async function askAgent<T>(
  context: VmContext,
  ref: string,
  signal: AbortSignal,
  wanted: string,
  ask: (agent: AgentClient, running: RunningVm, within: AbortSignal) => Promise<T>,
  limitMs = REACH_MS,
): Promise<T> {
  const running = await runningVm(context, ref, signal);
  const { vm, live } = running;
  let isReached = false;
  try {
    return await withDeadline(signal, limitMs, `the agent of VM ${vm.name}`, async (within) => {
      const agent = await live.agent(within);
      isReached = true;
      return await ask(agent, running, within);
    });
  } catch (error) {
    const known = asBangerError(error);
    if (known.code !== "TIMED_OUT" || signal.aborted) throw error;
    throw new BangerError("VM_UNRESPONSIVE", {
      what: isReached ? `the agent in VM ${vm.name} did not ${wanted}` : `the agent in VM ${vm.name} does not answer`,
      why: isReached
        ? `it was asked, and said nothing within ${limitMs / 1000} s: something in the guest may hold it up`
        : `it could not be reached within ${limitMs / 1000} s`,
      fix: `see its console with \`banger vm logs ${vm.name}\`, try again, or end it with \`banger vm stop --force ${vm.name}\``,
      cause: error,
    });
  }
}
