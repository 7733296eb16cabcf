import { BangerError, asBangerError } from "./errors.ts";

/**
 * Runs `work` with a signal that ends when the caller's does or when the time is up.
 *
 * @param awaited what is being waited for, in words: `the agent's answer`.
 * @throws BangerError `TIMED_OUT` once `timeoutMs` have passed; otherwise what `work` throws.
 */
export async function withDeadline<T>(
  parent: AbortSignal,
  timeoutMs: number,
  awaited: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const timer = setTimeout(() => {
    own.abort(
      new BangerError("TIMED_OUT", {
        what: `gave up waiting for ${awaited}`,
        why: `nothing came within ${timeoutMs / 1000} s`,
        fix: "see `banger daemon logs`; try again when the host is less busy",
      }),
    );
  }, timeoutMs);
  try {
    return await work(AbortSignal.any([parent, own.signal]));
  } catch (error) {
    // Whatever shape the abort took on its way up, the reason is the deadline.
    if (own.signal.aborted && !parent.aborted) throw asBangerError(own.signal.reason);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Settles with `promise`, or rejects with the signal's reason as soon as it aborts. For promises that know no signal. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // Nobody waits for it any more, and how it ends is nobody's mistake.
  if (signal.aborted) promise.catch(() => {});
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(asBangerError(signal.reason));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
