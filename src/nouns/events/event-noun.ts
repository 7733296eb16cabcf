import { untilAborted } from "../../lib/deadline.ts";
import { eventRoutes } from "../../api/routes/events.ts";
import { defineNoun } from "../../core/noun.ts";

/** What happens, and what is under way: of all nouns. */
export const eventNoun = defineNoun<typeof eventRoutes>({
  name: "event",
  tables: {},
  routes: eventRoutes,
  open: ({ store: { events }, operations }) => ({
    handlers: {
      events({ after = events.last(), ...filter }, { signal }) {
        events.check(after);
        return { after, events: events.follow(after, filter, signal) };
      },
      eventList: ({ after, ...filter }) => [...events.since(after ?? events.oldest(), filter)],
      // Who only follows does nothing.
      operationList: () => operations.list().filter(({ name }) => name !== "operationFollow"),
      operationCancel({ id }) {
        const operation = operations.get(id);
        operation.cancel();
        return operation.view();
      },
      async operationFollow({ id }, { progress, signal }) {
        const operation = operations.get(id);
        using _following = operation.follow(progress);
        return await untilAborted(operation.result, signal);
      },
    },
  }),
});
