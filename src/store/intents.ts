import type { DatabaseSync } from "node:sqlite";
import { newId } from "../lib/ids.ts";

/** Changes that span files, rows and processes. What each means, and how it is undone, stands in services/recovery.ts. */
export const INTENT_KINDS = [
  "kernel.add",
  "kernel.delete",
  "image.add",
  "image.promote",
  "image.refresh",
  "image.delete",
  "vm.create",
  "vm.start",
  "vm.stop",
  "vm.rebase",
  "vm.delete",
] as const;
export type IntentKind = (typeof INTENT_KINDS)[number];

export interface Intent {
  readonly id: string;
  readonly kind: IntentKind;
  /** Id of the object that it is about. */
  readonly subject: string;
  readonly startedAt: string;
}

/** What was begun and not yet brought to an end. A row that outlives its daemon is work for recovery. */
export interface IntentLog {
  open(): readonly Intent[];
  begin(kind: IntentKind, subject: string): Intent;
  end(intent: Intent): void;
}

export function openIntentLog(database: DatabaseSync): IntentLog {
  const select = database.prepare("SELECT id, kind, subject, startedAt FROM intents ORDER BY rowid");
  const insert = database.prepare(
    "INSERT INTO intents (id, kind, subject, startedAt) VALUES (:id, :kind, :subject, :startedAt)",
  );
  const remove = database.prepare("DELETE FROM intents WHERE id = :id");
  const isKind = (kind: unknown): kind is IntentKind => INTENT_KINDS.some((known) => known === kind);
  return {
    open: () =>
      select
        .all()
        .flatMap(({ id, kind, subject, startedAt }) =>
          isKind(kind) ? [{ id: String(id), kind, subject: String(subject), startedAt: String(startedAt) }] : [],
        ),
    begin(kind, subject) {
      const intent = { id: newId("int"), kind, subject, startedAt: new Date().toISOString() };
      insert.run(intent);
      return intent;
    },
    end(intent) {
      remove.run({ id: intent.id });
    },
  };
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
    log.end(intent);
    throw error;
  }
  log.end(intent);
  return result;
}
