import { DatabaseSync } from "node:sqlite";
import { BangerError } from "../lib/errors.ts";

/**
 * Each step brings the schema from its index to the next; `user_version` tells how many were done. Steps are only ever
 * added. Objects are kept as JSON documents beside the columns that SQLite must see: the documents' shape is checked by
 * the schemas of src/model, not twice.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE kernels (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL) STRICT;
   CREATE TABLE images  (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL) STRICT;
   CREATE TABLE vms     (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL) STRICT;
   CREATE TABLE intents (id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, startedAt TEXT NOT NULL) STRICT;`,
  `CREATE TABLE catalogs (url TEXT NOT NULL, key TEXT NOT NULL, serial INTEGER NOT NULL, sha256 TEXT NOT NULL,
                          PRIMARY KEY (url, key)) STRICT;`,
];

/**
 * Opens the state, making or upgrading it as needed. Every change is on disk when its call returns (synchronous=FULL).
 *
 * @throws BangerError `STATE_CORRUPT` if the file is no database, or of a newer banger.
 */
export function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    migrate(database);
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof BangerError) throw error;
    throw new BangerError("STATE_CORRUPT", {
      what: `cannot open the state in ${path}`,
      why: error instanceof Error ? error.message : String(error),
      fix: "restore it from a backup, or move it away to begin anew; the files of VMs and images are not in it",
      cause: error,
    });
  }
}

function migrate(database: DatabaseSync): void {
  const row = database.prepare("PRAGMA user_version").get();
  const done = Number(row?.["user_version"] ?? 0);
  if (done > MIGRATIONS.length) {
    throw new BangerError("STATE_CORRUPT", {
      what: "the state was written by a newer banger",
      why: `its schema is version ${done}, this banger knows ${MIGRATIONS.length}`,
      fix: "upgrade banger",
    });
  }
  for (const [index, step] of MIGRATIONS.entries()) {
    if (index < done) continue;
    database.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}
