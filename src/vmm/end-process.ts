import { setTimeout as after } from "node:timers/promises";
import { signalProcess } from "../lib/destroy.ts";
import type { ChildEnd } from "../lib/launch.ts";
import { isAlive, type ProcessIdentity } from "../lib/process-identity.ts";

/** A VMM flushes its disks between SIGTERM and its end. */
const GRACE_MS = 5_000;
/** Between looks at a process that is no child of ours. */
const LOOK_MS = 10;

/**
 * SIGTERM, and SIGKILL where that does not do. Resolves once `gone` has. One that was stopped (SIGSTOP) goes on to end.
 *
 * @param graceMs between the two; with 0 there is only SIGKILL.
 */
export async function endProcess(identity: ProcessIdentity, gone: Promise<unknown>, graceMs = GRACE_MS): Promise<void> {
  if (graceMs === 0) {
    await signalProcess(
      identity,
      "SIGKILL",
      "the machine of which we were asked; its record has it by pid, start and boot",
    );
    await gone;
    return;
  }
  await signalProcess(
    identity,
    "SIGTERM",
    "the machine of which we were asked; its record has it by pid, start and boot",
  );
  await signalProcess(
    identity,
    "SIGCONT",
    "the machine of which we were asked; its record has it by pid, start and boot",
  );
  const patience = new AbortController();
  const outOfPatience = after(graceMs, "still there" as const, { signal: patience.signal }).catch(() => undefined);
  if ((await Promise.race([gone, outOfPatience])) === "still there")
    await signalProcess(
      identity,
      "SIGKILL",
      "the machine of which we were asked; its record has it by pid, start and boot",
    );
  patience.abort();
  await gone;
}

/**
 * Waits for a process that is not our child: Linux tells its end through a pidfd only, which Node cannot open.
 * For one whose socket has closed: it is on its way out, and one or two looks see it gone.
 */
export async function untilGone(identity: ProcessIdentity): Promise<ChildEnd> {
  while (await isAlive(identity)) await after(LOOK_MS);
  return {};
}
