import { setTimeout as after } from "node:timers/promises";
import type { AgentClient } from "../../../guest/agent-client.ts";
import { guestText } from "../../../guest/agent-errors.ts";
import { withDeadline } from "../../../lib/deadline.ts";
import { asBangerError, BangerError } from "../../../lib/errors.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { HealthCheck, SystemState, WaitTarget } from "../../../model/health-check.ts";
import type { Image } from "../../../model/image.ts";
import type { Vm } from "../../../model/vm.ts";
import { planExec } from "../commands/exec-plan.ts";
import { askAgent } from "../guest/reach-agent.ts";
import type { VmContext } from "../vm-context.ts";
import { aboutFields } from "../../../model/fields/about-fields.ts";
import { awaitChecks } from "./await-checks.ts";
import { AGAIN_MS, awaitSuccess, notReady, runCheck } from "./run-check.ts";
import { failedUnits, unfinishedWork } from "./system-units.ts";

export interface Waiting {
  readonly agent: AgentClient;
  readonly vm: Vm;
  readonly image: Image | undefined;
  readonly target: WaitTarget;
  /** How long systemd, or a check, may take. */
  readonly limitMs: number;
}

/**
 * Waits until a VM whose agent has answered is as ready as was asked for.
 *
 * @returns what systemd said, where it was asked.
 * @throws BangerError `VM_NOT_READY` with what was seen last; `BAD_REQUEST` where the image says nothing of its health.
 */
export async function awaitReady(waiting: Waiting, operation: OperationContext): Promise<SystemState | undefined> {
  const { vm, image, target } = waiting;
  if (target === "agent") return undefined;
  if (target === "system") {
    if (hasSystemd(vm, image)) return awaitSystem(waiting, operation);
    operation.progress({ id: "ready", label: `${vm.name}: no systemd, so the agent is its system`, status: "done" });
    return undefined;
  }
  const check = image?.config.healthCheck;
  if (check !== undefined) await awaitHealthy(waiting, image, check, operation);
  // What it declares has been waited for already.
  else if (image?.services === undefined || image.services.length === 0) throw nothingToAsk(vm);
  return undefined;
}

/**
 * The same for a VM by its id, then what was asked for beyond that; and its record with what was found.
 *
 * @throws BangerError as {@link awaitReady}; `VM_UNRESPONSIVE` if its agent cannot be reached.
 */
export async function reachReadiness(
  context: VmContext,
  vmId: string,
  target: WaitTarget,
  operation: OperationContext,
): Promise<Vm> {
  const { store, config } = context;
  const vm = store.vms.get(vmId);
  if (target === "agent" && vm.spec.ready.length === 0) return vm;
  const agent = await askAgent(context, vmId, operation.signal, "answer", async (found) => found);
  const limitMs = config.vm.start_timeout * 1000;
  const image = store.images.find(vm.image.id);
  const system = await awaitReady({ agent, vm, image, target, limitMs }, operation);
  await awaitChecks({ agent, vm, image, limitMs }, operation);
  return system === undefined ? store.vms.get(vmId) : store.vms.transition(vmId, "system-known", { system });
}

/** Whether there can be something to wait for beyond the agent; asked before anything is started. */
export function checkWait(target: WaitTarget, vm: Pick<Vm, "name" | "image">, image: Image | undefined): void {
  const says = image?.config.healthCheck !== undefined || (image?.services ?? []).length > 0;
  if (target === "healthy" && !says) throw nothingToAsk(vm);
}

function hasSystemd(vm: Vm, image: Image | undefined): boolean {
  return vm.spec.init !== "agent" && (image?.system.init === "systemd" || vm.firstBoot !== undefined);
}

async function awaitSystem(
  { agent, vm, limitMs }: Waiting,
  { signal, progress }: OperationContext,
): Promise<SystemState> {
  let said: string | undefined;
  const ask = async (within: AbortSignal): Promise<SystemState> => {
    for (;;) {
      const { output } = await runCheck(agent, ["systemctl", "is-system-running", "--wait"], within);
      said = output.split("\n").at(-1) ?? "";
      if (said === "running") return { state: "running", failedUnits: [] };
      if (said === "degraded") return { state: "degraded", failedUnits: await failedUnits(agent, within) };
      await after(AGAIN_MS, undefined, { signal: within });
    }
  };
  progress({ id: "ready", label: `${vm.name}: waiting for systemd`, status: "running" });
  try {
    const system = await withDeadline(signal, limitMs, "systemd", ask);
    const note = system.failedUnits.length > 0 ? { note: `failed: ${system.failedUnits.join(" ")}` } : {};
    progress({ id: "ready", label: `${vm.name}: its system is ${system.state}`, status: "done", ...note });
    return system;
  } catch (error) {
    const known = asBangerError(error);
    if (signal.aborted || known.code !== "TIMED_OUT") throw known;
    throw notReady(known, signal, vm, await unfinishedWork(agent, said, signal), "systemctl list-jobs");
  }
}

async function awaitHealthy(
  { agent, vm, limitMs }: Waiting,
  image: Image | undefined,
  check: HealthCheck,
  { signal, progress }: OperationContext,
): Promise<void> {
  if (image === undefined) return;
  const start = { argv: [...check.argv], env: {}, cwd: "", user: "" };
  const spec = planExec(start, vm, image.config);
  let last = "it has not answered";
  // A check's own pace is that of a watch; who waits for the first success asks more often.
  const pauseMs = Math.min(check.intervalMs, AGAIN_MS);
  const attempts = { argv: check.argv, spec, timeoutMs: check.timeoutMs, pauseMs, what: "the image's check" };
  const say = (said: string): void => void (last = said);
  const patienceMs = Math.max(limitMs, check.startPeriodMs + check.retries * check.intervalMs);
  progress({ id: "ready", label: `${vm.name}: waiting to be healthy`, status: "running" });
  try {
    await withDeadline(signal, patienceMs, "a healthy service", (within) => awaitSuccess(agent, attempts, say, within));
  } catch (error) {
    throw notReady(error, signal, vm, `the image's check failed: ${guestText(last)}`, check.argv.join(" "));
  }
  progress({ id: "ready", label: `${vm.name} is healthy`, status: "done" });
}

function nothingToAsk({ name, image }: Pick<Vm, "name" | "image">): BangerError {
  return new BangerError("BAD_REQUEST", {
    what: `nothing tells when VM ${name} is healthy`,
    why: `image ${image.name} has neither a HEALTHCHECK nor the label dev.banger.services`,
    fix: "wait for the agent, or for the system: `wait` agent, or `wait` system",
    data: aboutFields("wait"),
  });
}
