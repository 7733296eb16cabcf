import { BOOT_STAGES, type BootStage } from "../../../model/vm.ts";
import type { ProgressSink } from "../../../lib/progress.ts";
import { followFile } from "../../../lib/follow-file.ts";
import { linesOf } from "./console-log.ts";

/**
 * How each stage of the guest shows on its console, in the agent's own marks (agent/internal/boot/console.go). The kernel
 * is quiet there: it is at work from the moment the VMM runs until the first mark.
 */
const SIGNS: readonly { readonly stage: BootStage; readonly sign: RegExp }[] = [
  { stage: "init", sign: /banger: stage (?:initramfs|root|init)/ },
  { stage: "agent", sign: /banger: stage agent/ },
];

const LABELS: Readonly<Record<BootStage, string>> = {
  disk: "preparing its disk",
  vmm: "starting the VMM",
  kernel: "booting the kernel",
  init: "starting init",
  agent: "waiting for the agent",
};

/** Follows one start through its stages and keeps the time each took. */
export interface BootClock {
  readonly stage: BootStage;
  readonly elapsedMs: number;
  /** Milliseconds by stage, of those that came to their end. */
  readonly stages: Partial<Record<BootStage, number>>;
  /** Goes on to a stage; going back, or to the one that is on, does nothing. */
  enter(stage: BootStage): void;
  /** Tells of something that does not end the start. */
  warn(text: string): void;
  /** The VM is ready. */
  finish(): void;
}

export function bootClock(name: string, progress: ProgressSink): BootClock {
  const startedAt = performance.now();
  let stage: BootStage = "disk";
  let since = startedAt;
  const stages: Partial<Record<BootStage, number>> = {};
  const tell = (): void =>
    progress({
      id: "start",
      label: `${name}: ${LABELS[stage]}`,
      status: "running",
      done: BOOT_STAGES.indexOf(stage),
      total: BOOT_STAGES.length,
    });
  const leave = (): void => {
    const now = performance.now();
    stages[stage] = Math.round(now - since);
    since = now;
  };
  tell();
  return {
    get stage() {
      return stage;
    },
    get elapsedMs() {
      return Math.round(performance.now() - startedAt);
    },
    stages,
    enter(next) {
      if (BOOT_STAGES.indexOf(next) <= BOOT_STAGES.indexOf(stage)) return;
      leave();
      stage = next;
      tell();
    },
    warn(text) {
      progress({ id: `warning ${text}`, label: `${name}: warning: ${text}`, status: "done" });
    },
    finish() {
      leave();
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      progress({ id: "start", label: `${name} is ready`, status: "done", note: `${seconds} s` });
    },
  };
}

/** Reads the console until the signal aborts, and moves the clock on as the guest's signs appear. */
export async function watchConsole(path: string, clock: BootClock, signal: AbortSignal): Promise<void> {
  for await (const line of linesOf(followFile(path, signal))) {
    const seen = SIGNS.findLast(({ sign }) => sign.test(line));
    if (seen !== undefined) clock.enter(seen.stage);
  }
}
