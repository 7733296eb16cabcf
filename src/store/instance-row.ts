import type { DatabaseSync } from "node:sqlite";

/** What a database says of itself. */
export interface InstanceRow {
  /** The instance that it belongs to; undefined where it was never given one. */
  readonly id: string | undefined;
  /** Counts changes of objects: what a folder says of its object is never newer than the database that belongs to it. */
  readonly revision: number;
  readonly createdAt: string;
}

export function readInstance(database: DatabaseSync): InstanceRow {
  const row = database.prepare("SELECT id, revision, createdAt FROM instance").get() ?? {};
  const { id, revision, createdAt } = row;
  return {
    id: typeof id === "string" ? id : undefined,
    revision: Number(revision ?? 0),
    createdAt: String(createdAt ?? ""),
  };
}

export function writeInstance(database: DatabaseSync, id: string): void {
  database.prepare("UPDATE instance SET id = :id").run({ id });
}

/** A rebuilt state goes on counting where the folders are. */
export function raiseRevision(database: DatabaseSync, revision: number): void {
  database.prepare("UPDATE instance SET revision = max(revision, :revision)").run({ revision });
}

/** Changes objects and counts the change, both or neither; as part of a transaction if there is one. */
export function changeState<T>(
  database: DatabaseSync,
  change: () => T,
): { readonly revision: number; readonly result: T } {
  const counted = (): { readonly revision: number; readonly result: T } => {
    const row = database.prepare("UPDATE instance SET revision = revision + 1 RETURNING revision").get();
    return { revision: Number(row?.["revision"] ?? 0), result: change() };
  };
  if (database.isTransaction) return counted();
  database.exec("BEGIN IMMEDIATE");
  try {
    const done = counted();
    database.exec("COMMIT");
    return done;
  } catch (error) {
    // SQLite has rolled back by itself where the disk is full.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
