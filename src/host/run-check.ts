import { withDeadline } from "../lib/deadline.ts";
import { asBangerError } from "../lib/errors.ts";
import type { Check, HostCheck } from "../model/doctor.ts";

/** No check takes longer; the slowest is a KVM that hangs its probe guest. */
const LIMIT_MS = 6_000;

/** Looks, and makes a failed check of whatever goes wrong with the looking: it never rejects. */
export async function runCheck(check: HostCheck, signal: AbortSignal): Promise<Check> {
  const { name, why } = check;
  try {
    const found = await withDeadline(signal, LIMIT_MS, `the check "${name}"`, (within) => check.look(within));
    return { name, why, ...found };
  } catch (error) {
    const { message, fix } = asBangerError(error);
    return { name, why, result: "fail", summary: `the check itself failed: ${message}`, fix };
  }
}
