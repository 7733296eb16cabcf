import { setTimeout as after } from "node:timers/promises";
import { BangerError } from "../lib/errors.ts";
import { ConnectionLost } from "./daemon-errors.ts";

/** How long a daemon may be away, as while it is upgraded, before who follows something gives up. */
export const AWAY_MS = 30_000;
/** Between attempts: a daemon that is being ended accepts for a moment, and answers nothing. */
const AGAIN_MS = 100;

/** How a daemon is met again, and how long it is waited for. */
export interface Meeting {
  /** Resolves once a daemon listens. */
  readonly awaitDaemon: (signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  readonly awayMs: number;
}

/**
 * Makes a request once a daemon is there again, and anew where that one goes away, too. It starts none: whoever ended the
 * daemon may have meant it.
 *
 * @param loss is thrown where none comes in time.
 * @throws BangerError what the daemon told; the signal's reason.
 */
export async function comeBack<T>(loss: ConnectionLost, meeting: Meeting, request: () => Promise<T>): Promise<T> {
  const { awaitDaemon, signal, awayMs } = meeting;
  const limit = AbortSignal.timeout(awayMs);
  const within = AbortSignal.any([signal, limit]);
  for (;;) {
    try {
      await awaitDaemon(within);
      return await request();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BangerError && !(error instanceof ConnectionLost)) throw error;
      if (limit.aborted) throw loss;
    }
    await after(AGAIN_MS, undefined, { signal });
  }
}

/** A stream that goes on after a loss where it broke off. */
export async function* goingOn<T>(
  first: AsyncIterable<T>,
  again: (loss: ConnectionLost) => Promise<AsyncIterable<T>>,
): AsyncGenerator<T> {
  for (let stream = first; ;) {
    try {
      yield* stream;
      return;
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      stream = await again(error);
    }
  }
}
