import { BangerError } from "../lib/errors.ts";
import type { Cli } from "./cli.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs work that Ctrl-C cancels. The first signal aborts it, and it puts back what it did; the second leaves at once.
 */
export async function withInterrupts<T>(cli: Cli, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    cli.note("\ncancelling, and putting back what was begun; once more to leave at once");
    controller.abort(
      new BangerError("CANCELLED", {
        what: "cancelled",
        fix: "run it again when you like; nothing was left behind",
      }),
    );
  };
  for (const name of SIGNALS) process.on(name, interrupt);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt);
  }
}
