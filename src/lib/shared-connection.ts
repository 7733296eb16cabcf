import { untilAborted } from "./deadline.ts";
import { BangerError } from "./errors.ts";

interface Closable {
  readonly closed: boolean;
  close(): void;
}

/** One connection that many use: made when it is first asked for, and made anew after it broke. */
export interface SharedConnection<T extends Closable> {
  /**
   * The open connection, or the one that is being made. The signal ends the caller's own wait and no other's; when
   * nobody waits any more, the making is cancelled.
   *
   * @throws what `connect` throws; the signal's reason; `CANCELLED` once it is closed for good.
   */
  get(signal: AbortSignal): Promise<T>;
  /** The connection that is open now, if there is one. */
  current(): T | undefined;
  /** Closes it for good, and cancels its making. */
  close(): void;
}

/** One attempt to connect, and how many wait for it. */
interface Dial<T> {
  readonly made: Promise<T>;
  readonly abort: AbortController;
  waiters: number;
}

/**
 * @param connect makes a connection until its signal aborts. No two run at a time: a line may serve one side only.
 */
export function sharedConnection<T extends Closable>(
  connect: (signal: AbortSignal) => Promise<T>,
): SharedConnection<T> {
  const lifetime = new AbortController();
  let open: T | undefined;
  let dial: Dial<T> | undefined;
  /** Settles when no attempt is under way. */
  let quiet: Promise<unknown> = Promise.resolve();

  const current = (): T | undefined => (open?.closed === false ? open : undefined);
  const begin = (): Dial<T> => {
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, lifetime.signal]);
    const make = async (before: Promise<unknown>): Promise<T> => {
      await before;
      signal.throwIfAborted();
      const connection = await connect(signal);
      if (signal.aborted) {
        connection.close();
        throw signal.reason;
      }
      open = connection;
      return connection;
    };
    const made = make(quiet).finally(() => {
      if (dial === own) dial = undefined;
    });
    const own: Dial<T> = { made, abort, waiters: 0 };
    quiet = made.catch(() => {});
    return own;
  };

  return {
    current,
    async get(signal) {
      signal.throwIfAborted();
      lifetime.signal.throwIfAborted();
      const ready = current();
      if (ready !== undefined) return ready;
      dial ??= begin();
      const mine = dial;
      mine.waiters += 1;
      try {
        return await untilAborted(mine.made, signal);
      } finally {
        mine.waiters -= 1;
        if (mine.waiters === 0 && dial === mine) {
          // Whoever comes next begins anew, once this one has let go of the line.
          dial = undefined;
          mine.abort.abort(nobodyWaits());
        }
      }
    },
    close() {
      lifetime.abort();
      open?.close();
    },
  };
}

function nobodyWaits(): BangerError {
  return new BangerError("CANCELLED", { what: "nobody waits for the connection any more", fix: "ask for it again" });
}
