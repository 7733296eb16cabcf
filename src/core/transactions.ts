import type { DatabaseSync } from "node:sqlite";

/** Several changes as one: all are done, or none. */
export interface Transactions {
  /** As part of the one that runs already, if one does. */
  run<T>(change: () => T): T;
  /** Does something once the running transaction is done, and not at all where it is not. */
  afterwards(work: () => void): void;
}

export function openTransactions(database: DatabaseSync): Transactions {
  let waiting: (() => void)[] | undefined;
  return {
    run(change) {
      if (waiting !== undefined) return change();
      const later: (() => void)[] = [];
      database.exec("BEGIN IMMEDIATE");
      waiting = later;
      let result: ReturnType<typeof change>;
      try {
        result = change();
        database.exec("COMMIT");
      } catch (error) {
        // SQLite has rolled back by itself where the disk is full.
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      } finally {
        waiting = undefined;
      }
      for (const work of later) work();
      return result;
    },
    afterwards(work) {
      if (waiting === undefined) work();
      else waiting.push(work);
    },
  };
}
