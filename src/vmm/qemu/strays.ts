import { guestName } from "./machine-plan.ts";

/** Whether these words start a VM's QEMU, by the name that it is given (`-name guest=ID,…`). */
export function isQemuOf(vmId: string): (words: readonly string[]) => boolean {
  return (words) => {
    const at = words.indexOf("-name");
    return at !== -1 && words[at + 1]?.split(",")[0] === guestName(vmId);
  };
}
