import type { Bytes } from "../../lib/bytes.ts";
import type { Accel } from "../../model/vm.ts";

const MIB = 1024 ** 2;
/** Of a guest's memory, what its translated code may take: what it runs again and again is a small part of either. */
const TRANSLATED_PART = 1 / 4;
/** A kernel, its agent and a shell fit twice into the least; no guest comes to run more at a time than fits into the most. */
const LEAST_TRANSLATED_MIB = 32;
const MOST_TRANSLATED_MIB = 256;

/**
 * The value of `-accel`. Emulated CPUs take turns on one thread: with a thread each, one may go on in a translation of code
 * that another has just changed (QEMU's issue 4669; seen with 7.2 and 10.0, reported of 11.1). Linux changes its own code
 * while it runs, and then panics: `Oops: int3`.
 *
 * Code that was translated is kept until there is no room for more, that of the boot too, and never given back to the host:
 * by itself QEMU would keep up to 1 GiB of it.
 *
 * @param memoryBytes the guest's; absent: as QEMU has it.
 */
export function acceleratorOption(accel: Accel, memoryBytes?: Bytes): string {
  if (accel !== "tcg") return accel;
  const single = "tcg,thread=single";
  return memoryBytes === undefined ? single : `${single},tb-size=${translatedMib(memoryBytes)}`;
}

function translatedMib(memoryBytes: Bytes): number {
  const part = Math.ceil((memoryBytes / MIB) * TRANSLATED_PART);
  return Math.min(Math.max(part, LEAST_TRANSLATED_MIB), MOST_TRANSLATED_MIB);
}
