import type { AgentExec } from "../../../guest/agent-client.ts";
import { signalNumber } from "../../../guest/signal-number.ts";
import { withDeadline, untilAborted } from "../../../lib/deadline.ts";
import { asBangerError } from "../../../lib/errors.ts";
import type { OciConfig } from "../../../model/image.ts";
import type { LiveVm, MainCommand } from "../live/live-vms.ts";

/** As container engines have it: between the stop signal and the end by force. */
const GRACE_MS = 10_000;

/** Remembers a command for as long as it runs. SIGTERM needs no remembering: all that runs in a guest gets it at its end. */
export function noteMainCommand(live: LiveVm, running: AgentExec, { stopSignal }: OciConfig): void {
  if (stopSignal === undefined || signalNumber(stopSignal) === 0) return;
  const command: MainCommand = { running, stopSignal };
  live.mainCommands.add(command);
  const forget = (): void => void live.mainCommands.delete(command);
  running.exit.then(forget, forget);
}

/** Sends each its signal, and waits until they have ended, though not for long: what is left then ends with the VM. */
export async function endMainCommands(live: LiveVm, signal: AbortSignal): Promise<void> {
  const commands = [...live.mainCommands];
  if (commands.length === 0) return;
  for (const { running, stopSignal } of commands) running.kill(stopSignal);
  try {
    await withDeadline(signal, GRACE_MS, "the command to end", (within) =>
      untilAborted(Promise.allSettled(commands.map(({ running }) => running.exit)), within),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (asBangerError(error).code !== "TIMED_OUT") throw error;
  }
}
