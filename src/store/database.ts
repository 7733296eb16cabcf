import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { BangerError, hasErrno } from "../lib/errors.ts";

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
  // A state that has images already has fetched the layers beside it, however old they are.
  `CREATE TABLE instance (only INTEGER PRIMARY KEY CHECK (only = 1), id TEXT, revision INTEGER NOT NULL,
                          createdAt TEXT NOT NULL) STRICT;
   INSERT INTO instance VALUES (1, NULL, 0, CASE WHEN EXISTS (SELECT 1 FROM images)
     THEN '1970-01-01T00:00:00.000Z' ELSE strftime('%Y-%m-%dT%H:%M:%fZ', 'now') END);`,
  // Numbers of events are never used again, so that who follows them knows what was missed.
  `ALTER TABLE intents ADD COLUMN payload TEXT NOT NULL DEFAULT 'null';
   CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, noun TEXT NOT NULL, id TEXT NOT NULL,
                        name TEXT NOT NULL, step TEXT NOT NULL, state TEXT, changed TEXT NOT NULL, operation TEXT,
                        caller TEXT NOT NULL) STRICT;
   CREATE TABLE holds (noun TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, ref TEXT NOT NULL,
                       UNIQUE (noun, id, kind, ref)) STRICT;
   CREATE INDEX holdsByRef ON holds (kind, ref);`,
];

/** The schema that this banger knows. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Opens the state, making or upgrading it as needed. Every change is on disk when its call returns (synchronous=FULL).
 * Only its owner may read it: it holds what VMs have in their environment.
 *
 * @throws BangerError `STATE_CORRUPT` if the file is no database, or of a newer banger.
 */
export function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    if (path !== ":memory:") makePrivate(path);
    database = new DatabaseSync(path);
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    migrate(database);
    return database;
  } catch (error) {
    database?.close();
    throw stateCorrupt(path, error);
  }
}

/** SQLite gives the files beside a database the mode of the database. */
function makePrivate(path: string): void {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      chmodSync(file, 0o600);
    } catch (error) {
      if (!hasErrno(error, "ENOENT")) throw error;
    }
  }
  closeSync(openSync(path, "a", 0o600));
}

/** What to say of a database that cannot be used. */
export function stateCorrupt(path: string, error: unknown): BangerError {
  if (error instanceof BangerError) return error;
  return new BangerError("STATE_CORRUPT", {
    what: `cannot open the state in ${path}`,
    why: error instanceof Error ? error.message : String(error),
    fix:
      "put a good copy of it there; or rebuild it from the folders of VMs, images and kernels with `banger daemon recover`, " +
      "which keeps the old one beside it",
    cause: error,
  });
}

/** @throws BangerError `STATE_CORRUPT` if a banger has written it that knows more than this one. */
export function checkVersion(path: string, version: number): void {
  if (version <= SCHEMA_VERSION) return;
  throw new BangerError("STATE_CORRUPT", {
    what: `the state in ${path} was written by a newer banger`,
    why: `its schema is version ${version}, this banger knows ${SCHEMA_VERSION}`,
    fix:
      "upgrade banger; or rebuild the state from the folders of VMs, images and kernels with `banger daemon recover`, " +
      "which keeps the newer one beside it",
  });
}

function migrate(database: DatabaseSync): void {
  const row = database.prepare("PRAGMA user_version").get();
  const done = Number(row?.["user_version"] ?? 0);
  checkVersion(database.location() ?? "memory", done);
  for (const [index, step] of MIGRATIONS.entries()) {
    if (index < done) continue;
    database.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}
