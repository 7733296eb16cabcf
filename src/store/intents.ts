import type { DatabaseSync } from "node:sqlite";
import { newId } from "../lib/ids.ts";

/** Changes that span files, rows and processes. What each means, and how it is undone, stands in services/recovery. */
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
  /** Files in the folder for work in progress, and nowhere else. */
  "work",
] as const;
export type IntentKind = (typeof INTENT_KINDS)[number];

export interface Intent {
  readonly id: string;
  readonly kind: IntentKind;
  /** Id of the object that it is about. What is in the work folder under this name, or begins with it and a dot, is its. */
  readonly subject: string;
  readonly startedAt: string;
}

/** An intent of another banger's. What it is about is left alone, and so is the intent. */
export type UnknownIntent = Omit<Intent, "kind"> & { readonly kind: string };

/** What was begun and not yet brought to an end. A row that outlives its daemon is work for recovery. */
export interface IntentLog {
  open(): readonly Intent[];
  /** Those of kinds that this banger does not know. */
  unknown(): readonly UnknownIntent[];
  begin(kind: IntentKind, subject: string): Intent;
  end(intent: Pick<Intent, "id">): void;
}

export function openIntentLog(database: DatabaseSync): IntentLog {
  const select = database.prepare("SELECT id, kind, subject, startedAt FROM intents ORDER BY rowid");
  const insert = database.prepare(
    "INSERT INTO intents (id, kind, subject, startedAt) VALUES (:id, :kind, :subject, :startedAt)",
  );
  const remove = database.prepare("DELETE FROM intents WHERE id = :id");
  const all = (): readonly UnknownIntent[] =>
    select.all().map(({ id, kind, subject, startedAt }) => ({
      id: String(id),
      kind: String(kind),
      subject: String(subject),
      startedAt: String(startedAt),
    }));
  return {
    open: () => all().filter(isKnown),
    unknown: () => all().filter((intent) => !isKnown(intent)),
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

function isKnown(intent: UnknownIntent): intent is Intent {
  return INTENT_KINDS.some((kind) => kind === intent.kind);
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

/** Whether a name in the work folder belongs to what has this id. */
export function isWorkOf(name: string, subject: string): boolean {
  return name === subject || name.startsWith(`${subject}.`);
}
