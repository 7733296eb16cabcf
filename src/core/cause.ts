import { AsyncLocalStorage } from "node:async_hooks";

/** On whose behalf something happens. */
export interface Cause {
  /** The operation that it is part of; absent for what the daemon does of its own accord, as when a VMM ends. */
  readonly operation?: string;
  /** Who asked, as in `owner`. */
  readonly caller: string;
}

const DAEMON: Cause = { caller: "daemon" };

const causes = new AsyncLocalStorage<Cause>();

/** Runs work, and all that it awaits or sets going, on somebody's behalf. */
export function onBehalfOf<T>(cause: Cause, work: () => T): T {
  return causes.run(cause, work);
}

/** Runs what outlives an operation that sets it going, and is no part of it: a watch, a timer. */
export function ofOwnAccord<T>(work: () => T): T {
  return causes.run(DAEMON, work);
}

/** On whose behalf the running code works; the daemon's own where nobody asked. */
export function currentCause(): Cause {
  return causes.getStore() ?? DAEMON;
}
