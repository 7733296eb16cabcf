import { ERROR_CODES } from "../lib/error-codes.ts";
import { BangerError } from "../lib/errors.ts";
import type { Cli } from "./command.ts";

const CANCELLED_STATUS = ERROR_CODES.CANCELLED.exit;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs work that Ctrl-C cancels. The first signal aborts it, and it puts back what it did; the second leaves at once.
 */
export async function withInterrupts<T>(cli: Cli, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const cancel = (): void => {
    cli.note("\ncancelling, and putting back what was begun; once more to leave at once");
    controller.abort(
      new BangerError("CANCELLED", {
        what: "cancelled",
        fix: "run it again when you like; nothing was left behind",
      }),
    );
  };
  return withSignals(cancel, () => work(controller.signal));
}

/** Runs work that goes on until Ctrl-C, which is how it is meant to end. @returns the exit status. */
export async function withStop(work: (signal: AbortSignal) => Promise<void>): Promise<number> {
  const controller = new AbortController();
  return withSignals(
    () => controller.abort(),
    async () => {
      try {
        await work(controller.signal);
      } catch (error) {
        if (!controller.signal.aborted) throw error;
      }
      return controller.signal.aborted ? CANCELLED_STATUS : 0;
    },
  );
}

/** Runs work that Ctrl-C does not cancel, since it cleans up. The first signal says so, the second leaves at once. */
export async function withoutInterrupts<T>(cli: Cli, awaited: string, work: () => Promise<T>): Promise<T> {
  return withSignals(() => cli.note(`\n${awaited}; once more to leave at once`), work);
}

async function withSignals<T>(first: () => void, work: () => Promise<T>): Promise<T> {
  let count = 0;
  const interrupt = (): void => {
    count += 1;
    if (count > 1) process.exit(CANCELLED_STATUS);
    first();
  };
  for (const name of SIGNALS) process.on(name, interrupt);
  try {
    return await work();
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt);
  }
}
