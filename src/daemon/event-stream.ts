import type { Logger } from "pino";
import { asBangerError, toErrorBody } from "../lib/errors.ts";
import type { EventsAfter } from "../core/handlers.ts";

/** By it a client says after which event it comes back (HTML Standard, 9.2.4). */
export const LAST_EVENT_FIELD = "last-event-id";
/** A line that says nothing is sent as often, so that both sides notice when the other is gone. */
const BEAT_MS = 15_000;

/** Events as a stream of server-sent events (HTML Standard, 9.2.5). An error on the way is an event of the type `error`. */
export async function* eventStream({ after, events }: EventsAfter, log: Logger): AsyncGenerator<string> {
  // The head of the answer goes out with it: from now on nothing is missed, by a client that comes back before any event too.
  yield `id: ${after}\n\n`;
  const iterator = events[Symbol.asyncIterator]();
  try {
    let next = iterator.next();
    for (;;) {
      const beat = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => beat.resolve(undefined), BEAT_MS);
      const told = await Promise.race([next, beat.promise]);
      clearTimeout(timer);
      if (told === undefined) {
        yield ":\n\n";
        continue;
      }
      if (told.done === true) return;
      yield `id: ${told.value.seq}\ndata: ${JSON.stringify(told.value)}\n\n`;
      next = iterator.next();
    }
  } catch (error) {
    const known = asBangerError(error);
    if (known.code === "CANCELLED") return;
    if (known.code === "INTERNAL") log.error({ err: error }, "events could not be told");
    yield `event: error\ndata: ${JSON.stringify({ error: toErrorBody(known) })}\n\n`;
  } finally {
    void iterator.return?.();
  }
}
