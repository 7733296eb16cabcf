import type { MachineExit } from "../driver.ts";

/** All that was seen of a VMM's end. */
export interface QemuEnd {
  /** `reason` of QEMU's SHUTDOWN event (ShutdownCause in qapi/run-state.json). */
  readonly shutdownReason?: string | undefined;
  /** Of a child of ours only. */
  readonly exitCode?: number | undefined;
  readonly signal?: NodeJS.Signals | undefined;
  /** The end of what it wrote to its standard error. */
  readonly said: string;
  /** The guest kernel's last words, where it panicked. */
  readonly panic?: string | undefined;
}

/** ShutdownCause by its name in events (qapi/run-state.json); others are told by the process's status. */
const SHUTDOWN_CAUSES: Readonly<Record<string, MachineExit>> = {
  "guest-shutdown": { clean: true, reason: "the guest shut down" },
  "guest-reset": { clean: true, reason: "the guest shut down or rebooted" },
  "guest-panic": { clean: false, reason: "the guest's kernel panicked" },
  "host-signal": { clean: false, reason: "QEMU was told to end" },
  "host-qmp-quit": { clean: false, reason: "QEMU was told to end" },
};

/** Says how a machine ended, in words for its state. */
export function explainEnd(end: QemuEnd): MachineExit {
  // With panic=-1 a panic ends as a reset; only the console tells them apart.
  if (end.panic !== undefined && end.shutdownReason?.startsWith("guest-") === true) {
    return { clean: false, reason: `the guest's kernel panicked: ${end.panic}` };
  }
  const known = SHUTDOWN_CAUSES[end.shutdownReason ?? ""];
  if (known !== undefined) return known;
  if (end.signal !== undefined)
    return { clean: false, reason: withWords(`QEMU was killed by ${end.signal}`, end.said) };
  if (end.exitCode !== undefined)
    return { clean: false, reason: withWords(`QEMU ended with exit status ${end.exitCode}`, end.said) };
  return { clean: false, reason: withWords("QEMU ended, and nobody saw how", end.said) };
}

function withWords(what: string, said: string): string {
  return said === "" ? what : `${what}: ${said}`;
}
