import { watch } from "node:fs";
import { setTimeout as after } from "node:timers/promises";
import type { Logger } from "pino";
import { guestEnd } from "../../../vmm/guest-end.ts";
import { readTail } from "../../../vmm/read-tail.ts";
import type { LiveVm } from "../live/live-vms.ts";

/** A guest that floods its console is looked at no more than once in this time. */
const REST_MS = 500;
/** The kernel's last words are the last that it says. */
const LAST_WORDS_BYTES = 512;

/**
 * Ends the machine of a guest that has halted: `halt` stops its processors, and so does `poweroff -f` on a machine without
 * a switch, and the VMM would go on for ever. Works until banger lets go of the machine.
 */
export function watchHalt(live: LiveVm, log: Pick<Logger, "info" | "debug">): void {
  const { machine, lifetime } = live;
  const look = async (): Promise<void> => {
    while (!lifetime.aborted) {
      const { promise: changed, resolve } = Promise.withResolvers<void>();
      const watcher = watch(machine.record.consoleLog, { persistent: false, signal: lifetime }, () => resolve());
      watcher.on("error", () => resolve());
      watcher.on("close", resolve);
      // Watched before it is read: nothing that is written in between goes unnoticed.
      const words = await readTail(machine.record.consoleLog, LAST_WORDS_BYTES);
      if (hasHalted(words)) {
        watcher.close();
        if (live.ending || lifetime.aborted) return;
        live.halted = true;
        log.info({}, "the guest has halted: its machine is ended");
        await machine.kill();
        return;
      }
      await changed;
      watcher.close();
      await after(REST_MS, undefined, { signal: lifetime, ref: false });
    }
  };
  look().catch((error: unknown) => {
    if (!lifetime.aborted) log.debug({ err: error }, "whether a guest halts is not watched");
  });
}

/** Both ways to say so (kernel/reboot.c): the second where a poweroff was asked for (seen with 6.12). */
const HALTED = /^(?:\[ *\d+\.\d+\] )?reboot: (?:System halted|Power off not available: System halted instead)\r?$/;

/** Whether it is the very last line: a log of another machine's end may be shown on a console, too. */
export function hasHalted(consoleEnd: string): boolean {
  const last = consoleEnd.trimEnd().split("\n").at(-1) ?? "";
  return HALTED.test(last) && guestEnd(last)?.by === "halt";
}
