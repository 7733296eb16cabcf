/** How a guest ended its machine, by its kernel's last words on the console (kernel/reboot.c, kernel/panic.c). */
export type GuestEnd =
  | { readonly by: "shutdown" }
  | { readonly by: "halt" }
  | { readonly by: "reboot" }
  | { readonly by: "panic"; readonly panic: string };

/**
 * The words with which a guest's agent resets a machine that has no switch, when what it means is to power off (see
 * PoweroffWord in agent/internal/machine). A reset without them is a reboot.
 */
const POWEROFF_WORD = "banger-poweroff";

/** By kernel/panic.c and kernel/reboot.c. One that is to power off and cannot may say that it halts instead (seen with 6.12). */
const LAST_WORDS =
  /Kernel panic - not syncing: (?<panic>[^\r\n]{1,200})|reboot: (?:Power off not available: )?(?<end>Restarting system|Power down|System halted)(?: with command '(?<command>[^'\r\n]{0,80})')?/g;

/** Undefined where the kernel has said nothing of the kind, as when a machine is reset by force. */
export function guestEnd(consoleEnd: string): GuestEnd | undefined {
  const last = [...consoleEnd.matchAll(LAST_WORDS)].at(-1)?.groups;
  if (last === undefined) return undefined;
  const { panic, end, command } = last;
  if (panic !== undefined) return { by: "panic", panic };
  if (end === "System halted") return { by: "halt" };
  return { by: end === "Power down" || command === POWEROFF_WORD ? "shutdown" : "reboot" };
}

/** In words, for a VM's state. */
export function endInWords(end: GuestEnd): string {
  switch (end.by) {
    case "shutdown":
      return "the guest shut down";
    case "halt":
      return "the guest halted";
    case "reboot":
      return "the guest rebooted";
    case "panic":
      return `the guest's kernel panicked: ${end.panic}`;
  }
}
