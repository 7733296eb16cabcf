import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { newId } from "../lib/ids.ts";
import { faultPoints } from "./faults.ts";

/**
 * A kind of change that spans files, rows and processes. It belongs to the verb that begins it; how one is settled that a
 * daemon left half-done stands beside that verb, too.
 */
export interface IntentKind<P = undefined> {
  /** As in `vm.create`. */
  readonly kind: string;
  readonly payload: z.ZodType<P>;
  readonly reach: (at: "begun" | "done" | "undone") => void;
}

/** An intent as it is known to whoever began it, or settles it. */
export interface Intent<P = unknown> {
  readonly id: string;
  readonly kind: string;
  /** Id of the object that it is about. What is in the work folder under this name, or begins with it and a dot, is its. */
  readonly subject: string;
  readonly startedAt: string;
  /** What its settling needs to know beyond that. */
  readonly payload: P;
}

export function intentKind(kind: string): IntentKind;
export function intentKind<P>(kind: string, payload: z.ZodType<P>): IntentKind<P>;
export function intentKind(kind: string, payload: z.ZodType = z.undefined()): IntentKind<unknown> {
  return { kind, payload, reach: faultPoints(kind, ["begun", "done", "undone"]) };
}

/** A kind that goes through once it is begun: there is no undoing of it that could be cut off. */
export function onwardIntentKind(kind: string): IntentKind {
  return { kind, payload: z.undefined(), reach: faultPoints<"begun" | "done" | "undone">(kind, ["begun", "done"]) };
}

/** Files in the folder for work in progress, and nowhere else. Every noun may have some. */
export const WORK = intentKind("work");

/** What was begun and not yet brought to an end. A row that outlives its daemon is work for recovery. */
export interface IntentLog {
  /** All of them, whether or not this banger knows their kinds. */
  open(): readonly Intent[];
  begin(kind: IntentKind, subject: string): Intent<undefined>;
  begin<P>(kind: IntentKind<P>, subject: string, payload: P): Intent<P>;
  /** @param how it came to its end, for tests that cut it off there. */
  end(intent: Pick<Intent, "id">, how?: "done" | "undone"): void;
}

export function openIntentLog(database: DatabaseSync): IntentLog {
  const select = database.prepare("SELECT id, kind, subject, startedAt, payload FROM intents ORDER BY rowid");
  const insert = database.prepare(
    `INSERT INTO intents (id, kind, subject, startedAt, payload) VALUES (:id, :kind, :subject, :startedAt, :payload)`,
  );
  const remove = database.prepare("DELETE FROM intents WHERE id = :id");
  /** Marks the end of those that this daemon has begun. */
  const ends = new Map<string, IntentKind<unknown>["reach"]>();
  return {
    open: () =>
      select.all().map(({ id, kind, subject, startedAt, payload }) => ({
        id: String(id),
        kind: String(kind),
        subject: String(subject),
        startedAt: String(startedAt),
        payload: payloadOf(String(payload)),
      })),
    begin<P>({ kind, reach }: IntentKind<P>, subject: string, payload?: P): Intent<P> {
      const intent = { id: newId("int"), kind, subject, startedAt: new Date().toISOString() };
      insert.run({ ...intent, payload: JSON.stringify(payload ?? null) });
      ends.set(intent.id, reach);
      reach("begun");
      return { ...intent, payload: payload as P };
    },
    end({ id }, how = "done") {
      ends.get(id)?.(how);
      ends.delete(id);
      remove.run({ id });
    },
  };
}

/** One that is damaged is none: who settles the intent then says that it lacks something. */
function payloadOf(text: string): unknown {
  try {
    return (JSON.parse(text) as unknown) ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * Runs a change under an intent. When `work` throws, `undo` runs and the intent ends; should undo fail too, the intent
 * stays open, so that recovery tries again at the next start.
 */
export async function withIntent<T>(
  log: IntentLog,
  kind: IntentKind,
  subject: string,
  work: () => Promise<T>,
  undo: () => Promise<void>,
): Promise<T> {
  const intent = log.begin(kind, subject);
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await undo();
    log.end(intent, "undone");
    throw error;
  }
  log.end(intent);
  return result;
}

/** Whether a name in the work folder belongs to what has this id. */
export function isWorkOf(name: string, subject: string): boolean {
  return name === subject || name.startsWith(`${subject}.`);
}
