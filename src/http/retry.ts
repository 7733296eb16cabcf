import { setTimeout as delay } from "node:timers/promises";
import type { BangerError } from "../lib/errors.ts";
import { untilAborted } from "../lib/deadline.ts";

/** A failure that may be gone next time: a cut connection, a busy server. Users are told what it reports. */
export class TransientError extends Error {
  override readonly name = "TransientError";
  /** What the user is told if it stays so. */
  readonly reported: BangerError;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(reported: BangerError, retryAfterMs?: number) {
    super(reported.message, { cause: reported });
    this.reported = reported;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface RetryPolicy {
  /** How often something is tried in all. */
  readonly attempts: number;
  /** Pause before the second attempt; it doubles each time. */
  readonly firstPauseMs: number;
  /** Longest pause, a server's Retry-After included. */
  readonly maxPauseMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 6, firstPauseMs: 500, maxPauseMs: 60_000 };
/** The first questions to a server: a name that is wrong should be told soon. */
export const FIRST_RETRY: RetryPolicy = { ...DEFAULT_RETRY, attempts: 3 };

/** Counts failures in a row, and pauses between attempts. */
export class Retry {
  readonly #policy: RetryPolicy;
  readonly #signal: AbortSignal;
  #failures = 0;

  constructor(policy: RetryPolicy, signal: AbortSignal) {
    this.#policy = policy;
    this.#signal = signal;
  }

  /** Forgets the failures: what went before has got somewhere. */
  progressed(): void {
    this.#failures = 0;
  }

  /** Waits until the next attempt is due. Throws what cannot be mended, or has failed too often. */
  async failed(error: unknown): Promise<void> {
    this.#signal.throwIfAborted();
    if (!(error instanceof TransientError)) throw error;
    this.#failures += 1;
    const { attempts, firstPauseMs, maxPauseMs } = this.#policy;
    if (this.#failures >= attempts) throw error.reported;
    // Full jitter on the upper half keeps many clients from coming back together.
    const backoff = firstPauseMs * 2 ** (this.#failures - 1) * (0.5 + Math.random() / 2);
    const pause = Math.min(maxPauseMs, error.retryAfterMs ?? backoff);
    await untilAborted(delay(pause, undefined, { signal: this.#signal }), this.#signal);
  }
}

/** Runs `work` until it succeeds or has failed as often as the policy allows. */
export async function withRetry<T>(policy: RetryPolicy, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const retry = new Retry(policy, signal);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      await retry.failed(error);
    }
  }
}
