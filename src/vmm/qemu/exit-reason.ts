import type { MachineExit } from "../driver.ts";
import { endInWords, guestEnd } from "../guest-end.ts";

/** All that was seen of a VMM's end. */
export interface QemuEnd {
  /** `reason` of QEMU's SHUTDOWN event (ShutdownCause in qapi/run-state.json). */
  readonly shutdownReason?: string | undefined;
  /** Of a child of ours only. */
  readonly exitCode?: number | undefined;
  readonly signal?: NodeJS.Signals | undefined;
  /** The end of what it wrote to its standard error. */
  readonly said: string;
  /** The end of the guest's console. */
  readonly console: string;
}

// ShutdownCause by its name in events (qapi/run-state.json); others are told by the process's status.
const GUESTS_OWN = ["guest-shutdown", "guest-reset", "guest-panic"] as const;
const ASKED_TO_END: ReadonlySet<string> = new Set(["host-signal", "host-qmp-quit"]);
type GuestsOwn = (typeof GUESTS_OWN)[number];

function isGuestsOwn(cause: string): cause is GuestsOwn {
  return GUESTS_OWN.some((own) => own === cause);
}

/** Says how a machine ended, in words for its state. */
export function explainEnd(end: QemuEnd): MachineExit {
  const { shutdownReason = "" } = end;
  if (isGuestsOwn(shutdownReason)) return guestsOwn(shutdownReason, end.console);
  if (ASKED_TO_END.has(shutdownReason)) return failed("QEMU was told to end", "");
  if (end.signal !== undefined) return failed(`QEMU was killed by ${end.signal}`, end.said);
  if (end.exitCode !== undefined) return failed(`QEMU ended with exit status ${end.exitCode}`, end.said);
  return failed("QEMU ended, and nobody saw how", end.said);
}

/** With panic=-1 a panic ends as a reset, and so does a poweroff where there is no switch; the console tells them apart. */
function guestsOwn(cause: GuestsOwn, console: string): MachineExit {
  const said = guestEnd(console);
  if (said?.by === "panic") return { clean: false, by: "panic", reason: endInWords(said) };
  if (cause === "guest-panic") return { clean: false, by: "panic", reason: "the guest's kernel panicked" };
  const by = cause === "guest-reset" && said?.by !== "shutdown" ? "reboot" : "shutdown";
  return { clean: true, by, reason: endInWords({ by }) };
}

function failed(what: string, said: string): MachineExit {
  return { clean: false, by: "vmm", reason: said === "" ? what : `${what}: ${said}` };
}
