import type { MachineRecord } from "../../../model/vm.ts";
import type { StopCause } from "../../../model/vm-boots.ts";
import { endInWords, guestEnd, type GuestEnd } from "../../../vmm/guest-end.ts";
import { readTail } from "../../../vmm/read-tail.ts";

/** A kernel's panic with its call trace fits well into this. */
const CONSOLE_END_BYTES = 16 * 1024;

const CAUSES: Readonly<Record<GuestEnd["by"], StopCause>> = {
  shutdown: "guest-shutdown",
  halt: "guest-shutdown",
  reboot: "guest-reboot",
  panic: "guest-panic",
};

/** How a VMM came to its end that nobody saw, as far as its guest's console tells. */
export async function unseenEnd({ consoleLog }: Pick<MachineRecord, "consoleLog">): Promise<{
  readonly clean: boolean;
  readonly reason: string;
  readonly cause: StopCause;
}> {
  const end = guestEnd(await readTail(consoleLog, CONSOLE_END_BYTES));
  if (end === undefined) return { clean: false, reason: "the VMM ended while no daemon ran", cause: "unseen" };
  return { clean: end.by !== "panic", reason: `${endInWords(end)} while no daemon ran`, cause: CAUSES[end.by] };
}
