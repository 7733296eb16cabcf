import { openEmptied } from "../lib/destroy.ts";
import { BangerError } from "../lib/errors.ts";
import { failedBefore, launch, type ChildEnd, type LaunchedChild, type LaunchRequest } from "../lib/launch.ts";
import { identifyProcess, type ProcessIdentity } from "../lib/process-identity.ts";
import { readTail } from "./read-tail.ts";

/** Of what it said, in an error. */
const SAID_BYTES = 16 * 1024;

/** How a VMM's process is started, as data. */
export interface VmmStart {
  /** As people know it: `QEMU`. */
  readonly title: string;
  readonly program: string;
  readonly argv: readonly string[];
  /** Words before it, as MachineSpec has them. */
  readonly enter?: readonly string[];
  readonly runDir: string;
  /** Takes its standard error: what it says when it cannot start. */
  readonly log: string;
  /** Its standard input; nothing where absent. */
  readonly input?: number;
  /** Its standard output; the log where absent. */
  readonly output?: number;
  /** Its descriptors from 3 on. */
  readonly more?: readonly "pipe"[];
}

/** A start that has failed. */
export interface FailedStart extends ChildEnd {
  /** The end of what it wrote to its standard error. */
  readonly said: string;
  /** What was thrown: `VMM_FAILED` where it ended by itself. */
  readonly cause: unknown;
}

export interface StartSteps<T> {
  /** Waits until it is ready and takes it in hand. @param within aborts with its end, too. */
  take(child: LaunchedChild, identity: ProcessIdentity, within: AbortSignal): Promise<T>;
  /** Removes what it left behind, once it is gone. */
  clear(): Promise<void>;
  /** Says why it did not start, in its driver's words. */
  explain(failed: FailedStart): Promise<unknown>;
}

/**
 * Starts a VMM in a session of its own: a hang-up of our terminal would end it. When that fails, or the signal aborts,
 * its process is gone, and what kept it from being executed is not taken for its own fault.
 *
 * @throws BangerError what {@link launch} throws; what `explain` says.
 */
export async function startVmm<T>(start: VmmStart, steps: StartSteps<T>, signal: AbortSignal): Promise<T> {
  const child = await launchVmm(start);
  const over = new AbortController();
  void child.ended.then(() => over.abort(endedAtOnce(start)));
  try {
    const identity = await identifyProcess(child.pid);
    if (identity === undefined) throw endedAtOnce(start);
    return await steps.take(child, identity, AbortSignal.any([over.signal, signal]));
  } catch (cause) {
    child.kill();
    const end = await child.ended;
    await steps.clear();
    signal.throwIfAborted();
    const said = (await readTail(start.log, SAID_BYTES)).trim();
    throw failedBefore(said, start) ?? (await steps.explain({ ...end, said, cause }));
  }
}

/** Only starts it; whoever calls this ends it. @throws BangerError what {@link launch} throws. */
export async function launchVmm(start: VmmStart): Promise<LaunchedChild> {
  const { program, argv: args, enter, runDir: cwd, input = "ignore", more = [] } = start;
  await using log = await openEmptied(start.log, 0o600, "the VMM's own words, in the VM's run folder");
  const stdio: LaunchRequest["stdio"] = [input, start.output ?? log.fd, log.fd, ...more];
  return await launch({ program, args, ...(enter !== undefined && { enter }), cwd, stdio, session: "own" });
}

function endedAtOnce({ title }: VmmStart): BangerError {
  return new BangerError("VMM_FAILED", { what: `${title} ended as soon as it ran`, fix: "run `banger doctor`" });
}
