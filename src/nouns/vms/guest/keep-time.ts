import { EventEmitter } from "node:events";
import type { AgentClient, ClockAdjustment } from "../../../guest/agent-client.ts";
import { CALM_MS, type ClockMemory, type ClockPlan, type ClockSample, planClock } from "./clock-plan.ts";
import type { LiveVm } from "../live/live-vms.ts";

/** How often the host's own clock is looked at, and by how much it must have jumped for guests to be told at once. */
const LOOK_MS = 1_000;
const JUMP_MS = 50;

/** Answers that took longer than this are asked for again, some times: the quickest says most. */
const QUICK_MS = 20;
const MAX_QUESTIONS = 4;

const NOTHING: ClockAdjustment = { stepMs: 0, slewMs: 0, slewOverMs: 0 };

/** Tells when guests' clocks may all at once be wrong: `jump`. */
export type HostClock = EventEmitter<{ jump: [] }>;

/** Tells when the host's wall clock was set, or the host slept: no other clock of its has moved then. */
export function watchHostClock(signal: AbortSignal): HostClock {
  const hostClock: HostClock = new EventEmitter();
  hostClock.setMaxListeners(0); // One for each VM that runs.
  const difference = (): number => Date.now() - performance.now();
  let before = difference();
  const timer = setInterval(() => {
    const now = difference();
    if (Math.abs(now - before) > JUMP_MS) hostClock.emit("jump");
    before = now;
  }, LOOK_MS);
  timer.unref();
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  return hostClock;
}

export interface TimeKeeping {
  readonly live: Pick<LiveVm, "agent" | "lifetime">;
  /** Whether the guest stands still on purpose: its clock is set when it goes on. */
  readonly isStill: () => boolean;
  /** Called for each new connection, which may lead to another boot: whether the agent there can turn the clock. */
  readonly meet: (agent: AgentClient, signal: AbortSignal) => Promise<boolean>;
  readonly hostClock: HostClock;
  readonly log: {
    readonly debug: (facts: object, words: string) => void;
    readonly info: (facts: object, words: string) => void;
  };
}

/**
 * Looks at a guest's wall clock now and then, at once when the host's was set, and has the agent turn it. A guest that
 * keeps its own time is set only when it is far off; one whose agent cannot turn the clock is left alone.
 */
export async function keepTime({ live, isStill, meet, hostClock, log }: TimeKeeping): Promise<void> {
  const { lifetime } = live;
  let memory: ClockMemory | undefined;
  let known: { readonly agent: AgentClient; readonly able: boolean } | undefined;
  while (!lifetime.aborted) {
    let nextMs = CALM_MS;
    try {
      if (!isStill()) {
        const agent = await live.agent(lifetime);
        if (known?.agent !== agent) known = { agent, able: await meet(agent, lifetime) };
        const plan = known.able && !isStill() ? await turn(agent, memory, lifetime) : { ...NOTHING, nextMs };
        ({ memory, nextMs } = { memory: undefined, ...plan });
        if (plan.stepMs !== 0) log.info({ stepMs: Math.round(plan.stepMs) }, "a guest's clock was set");
      } else memory = undefined;
    } catch (error) {
      if (lifetime.aborted) return;
      log.debug({ err: error }, "a guest's clock could not be looked at");
      memory = undefined;
    }
    // What the clock did until then says nothing of its pace.
    for (let leftMs = nextMs; leftMs > 0 && !lifetime.aborted; leftMs -= CALM_MS) {
      const jumped = await jumpsWithin(Math.min(leftMs, CALM_MS), hostClock, lifetime);
      if (jumped) memory = undefined;
      // Whoever answers on another line may be of another boot, and is met at once.
      if (jumped || known?.agent.closed === true) break;
    }
  }
}

/** One look at a guest's clock, and what is done about it. */
async function turn(agent: AgentClient, memory: ClockMemory | undefined, signal: AbortSignal): Promise<ClockPlan> {
  const { keptByGuest, ...sample } = await lookAt(agent, signal);
  const plan = planClock(sample, memory);
  const done = keptByGuest ? { ...NOTHING, stepMs: plan.stepMs, nextMs: CALM_MS } : plan;
  if (done.stepMs !== 0 || done.slewMs !== 0 || done.ratePpb !== undefined) await agent.adjustClock(done, signal);
  return done;
}

type GuestSample = ClockSample & { readonly keptByGuest: boolean };

async function lookAt(agent: AgentClient, signal: AbortSignal): Promise<GuestSample> {
  let best = await ask(agent, signal);
  for (let n = 1; n < MAX_QUESTIONS && best.roundTripMs > QUICK_MS; n += 1) {
    const sample = await ask(agent, signal);
    if (sample.roundTripMs < best.roundTripMs) best = sample;
  }
  return best;
}

async function ask(agent: AgentClient, signal: AbortSignal): Promise<GuestSample> {
  const atMs = performance.now();
  const wallMs = Date.now();
  const { wallClockMs, ratePpb, keptByGuest } = await agent.adjustClock(NOTHING, signal);
  const roundTripMs = performance.now() - atMs;
  return { offsetMs: wallMs + roundTripMs / 2 - wallClockMs, roundTripMs, ratePpb, atMs, keptByGuest };
}

/** Waits a while, or until the host's clock jumps, which it tells, or the machine's end. */
async function jumpsWithin(ms: number, hostClock: HostClock, lifetime: AbortSignal): Promise<boolean> {
  if (lifetime.aborted) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms).unref();
  const jumped = (): void => resolve(true);
  const ended = (): void => resolve(false);
  hostClock.once("jump", jumped);
  lifetime.addEventListener("abort", ended, { once: true });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    hostClock.off("jump", jumped);
    lifetime.removeEventListener("abort", ended);
  }
}
