import type { DatabaseSync } from "node:sqlite";
import type { Describer } from "./collection.ts";

/** Several changes as one: all are done, or none. */
export interface Transactions {
  run(change: () => void): void;
  /** The same describer, which hears of what is done in a transaction when it is done, and of nothing that is not. */
  telling<T>(describer: Describer<T>): Describer<T>;
}

export function transactions(database: DatabaseSync): Transactions {
  let waiting: (() => void)[] | undefined;
  const later = (tell: () => void): void => {
    if (waiting === undefined) tell();
    else waiting.push(tell);
  };
  return {
    run(change) {
      const told: (() => void)[] = [];
      database.exec("BEGIN IMMEDIATE");
      waiting = told;
      try {
        change();
        database.exec("COMMIT");
      } catch (error) {
        // SQLite has rolled back by itself where the disk is full.
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      } finally {
        waiting = undefined;
      }
      for (const tell of told) tell();
    },
    telling: (describer) => ({
      inserted: (object, revision) => later(() => describer.inserted(object, revision)),
      updated: (object, revision) => later(() => describer.updated(object, revision)),
      kept: (object, revision) => later(() => describer.kept(object, revision)),
    }),
  };
}
