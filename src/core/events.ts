import type { DatabaseSync } from "node:sqlite";
import { untilAborted } from "../lib/deadline.ts";
import { BangerError } from "../lib/errors.ts";
import type { BangerEvent } from "../model/event.ts";
import { currentCause } from "./cause.ts";

/** How many are kept; who is further behind looks at everything anew. */
const KEPT = 10_000;
/** They are thrown away by this many at once. */
const SWEEP = 500;
/** Read at once for a follower. */
const BATCH = 200;

export type EventFacts = Pick<BangerEvent, "noun" | "id" | "name" | "step" | "state" | "changed">;

/** Which events are wanted: those that are all that is said here. */
export interface EventFilter {
  readonly noun?: string | undefined;
  /** Name or id of the object. */
  readonly ref?: string | undefined;
  readonly step?: string | undefined;
}

export interface EventLog {
  /** Number of the newest; 0 before the first. */
  last(): number;
  /** From where all that is kept can be read. */
  oldest(): number;
  /** @throws BangerError `EVENTS_GONE` where not all after this number are kept. */
  check(after: number): void;
  /** Notes what happened, as part of the change itself: called within its transaction. */
  append(facts: EventFacts): void;
  /** Wakes those who wait for events; called once the transaction is done. */
  announce(): void;
  /** Those after a number, oldest first. @throws BangerError `EVENTS_GONE`. */
  since(after: number, filter?: EventFilter): readonly BangerEvent[];
  /**
   * Those after a number, as they come, without end. Nobody who is slow costs memory: each is read when it is asked for.
   *
   * @throws BangerError `EVENTS_GONE` where some that were to come are no longer kept.
   */
  follow(after: number, filter: EventFilter, signal: AbortSignal): AsyncGenerator<BangerEvent>;
}

export function openEventLog(database: DatabaseSync): EventLog {
  const insert = database.prepare(
    `INSERT INTO events (at, noun, id, name, step, state, changed, operation, caller)
     VALUES (:at, :noun, :id, :name, :step, :state, :changed, :operation, :caller) RETURNING seq`,
  );
  const sweep = database.prepare("DELETE FROM events WHERE seq <= :upTo");
  // The sequence outlives its rows: a number is never given twice.
  const newest = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'events'");
  const oldest = database.prepare("SELECT min(seq) AS seq FROM events");
  const select = database.prepare(
    `SELECT * FROM events WHERE seq > :after AND (:noun IS NULL OR noun = :noun)
       AND (:ref IS NULL OR id = :ref OR name = :ref) AND (:step IS NULL OR step = :step) ORDER BY seq LIMIT :limit`,
  );
  let waiting = Promise.withResolvers<void>();

  const last = (): number => Number(newest.get()?.["seq"] ?? 0);
  const read = (after: number, { noun, ref, step }: EventFilter, limit: number): readonly BangerEvent[] =>
    select.all({ after, noun: noun ?? null, ref: ref ?? null, step: step ?? null, limit }).map(asEvent);
  const checkKept = (after: number): void => {
    const first = oldest.get()?.["seq"];
    const missing = typeof first === "number" ? after + 1 < first : after < last();
    if (after > last() || missing) throw gone(after);
  };

  return {
    last,
    oldest: () => Number(oldest.get()?.["seq"] ?? last() + 1) - 1,
    check: checkKept,
    append(facts) {
      const { operation, caller } = currentCause();
      const row = insert.get({
        ...facts,
        at: new Date().toISOString(),
        state: facts.state ?? null,
        changed: JSON.stringify(facts.changed),
        operation: operation ?? null,
        caller,
      });
      const seq = Number(row?.["seq"]);
      if (seq % SWEEP === 0) sweep.run({ upTo: seq - KEPT });
    },
    announce() {
      const told = waiting;
      waiting = Promise.withResolvers();
      told.resolve();
    },
    since(after, filter = {}) {
      checkKept(after);
      return read(after, filter, -1);
    },
    async *follow(after, filter, signal) {
      let at = after;
      for (;;) {
        signal.throwIfAborted();
        const more = waiting.promise;
        checkKept(at);
        const upTo = last();
        const found = read(at, filter, BATCH);
        for (const event of found) {
          yield event;
          at = event.seq;
        }
        if (found.length === BATCH) continue;
        // What the filter kept back need not be looked at again.
        at = Math.max(at, upTo);
        await untilAborted(more, signal);
      }
    },
  };
}

function asEvent(row: Record<string, unknown>): BangerEvent {
  const { state, operation } = row;
  return {
    seq: Number(row["seq"]),
    at: String(row["at"]),
    noun: String(row["noun"]),
    id: String(row["id"]),
    name: String(row["name"]),
    step: String(row["step"]),
    ...(typeof state === "string" && { state }),
    changed: JSON.parse(String(row["changed"])) as string[],
    ...(typeof operation === "string" && { operation }),
    caller: String(row["caller"]),
  };
}

function gone(after: number): BangerError {
  return new BangerError("EVENTS_GONE", {
    what: `the events after number ${after} are not all there`,
    why: `the newest ${KEPT} are kept, and a state that was rebuilt begins anew`,
    fix: "look at everything anew, and follow from the newest event on",
  });
}
