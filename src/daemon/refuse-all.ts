import type { BangerError } from "../lib/errors.ts";
import type { Handlers } from "./handlers.ts";

/** What still answers in a daemon that cannot work: enough to find out why, and to stop it. */
const STILL_ANSWERED: ReadonlySet<string> = new Set(["daemonStatus", "daemonStop", "daemonRecover", "doctor"]);

/**
 * Handlers that answer everything but {@link STILL_ANSWERED} with one error. So doctor can tell what is wrong with a
 * configuration that the daemon could not read.
 *
 * @param refused called once for each refusal.
 */
export function refuseAll(handlers: Handlers, error: BangerError, refused: () => void): Handlers {
  const refuse = (): never => {
    refused();
    throw error;
  };
  const each = <T extends object>(table: T): T =>
    Object.fromEntries(
      Object.entries(table).map(([name, handler]) => [name, STILL_ANSWERED.has(name) ? handler : refuse]),
    ) as T;
  return {
    calls: each(handlers.calls),
    operations: each(handlers.operations),
    texts: each(handlers.texts),
    sockets: each(handlers.sockets),
  };
}
