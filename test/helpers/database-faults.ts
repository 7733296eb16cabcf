import { randomBytes } from "node:crypto";
import { chmod, copyFile, mkdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import type { Layout } from "../../src/model/layout.ts";

/**
 * @param former a copy of the database from before.
 * @param next a number from 0 to 1.
 */
type Inflict = (layout: Layout, former: string, next: () => number) => Promise<void>;

async function clear({ database }: Layout): Promise<void> {
  for (const end of ["", "-wal", "-shm"]) await rm(`${database}${end}`, { recursive: true, force: true });
}

/** What may come to stand where the database stood. */
export const DATABASE_FAULTS: Readonly<Record<string, Inflict>> = {
  none: () => Promise.resolve(),
  gone: clear,
  empty: async (layout) => {
    await clear(layout);
    await writeFile(layout.database, "");
  },
  "emptied beside its log": ({ database }) => truncate(database, 0),
  garbage: async (layout) => {
    await clear(layout);
    await writeFile(layout.database, randomBytes(20_000));
  },
  truncated: async ({ database }, _former, next) => {
    const { size } = await stat(database);
    await truncate(database, Math.floor(size * next()));
  },
  "flipped bytes": async ({ database }, _former, next) => {
    const bytes = await readFile(database);
    for (let n = 0; n < 200; n += 1) bytes.writeUInt8(Math.floor(next() * 256), Math.floor(next() * bytes.length));
    await writeFile(database, bytes);
  },
  "read-only": ({ database }) => chmod(database, 0o400),
  unreadable: ({ database }) => chmod(database, 0),
  "a folder": async (layout) => {
    await clear(layout);
    await mkdir(layout.database);
  },
  foreign: async (layout) => {
    await clear(layout);
    using database = new DatabaseSync(layout.database);
    database.exec("CREATE TABLE things (name TEXT); INSERT INTO things VALUES ('one')");
  },
  former: async (layout, former) => {
    await clear(layout);
    await copyFile(former, layout.database);
  },
  newer: async ({ database: path }) => {
    using database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99");
  },
  "of another state": async ({ database: path }) => {
    using database = new DatabaseSync(path);
    database.exec("UPDATE instance SET id = 'ins-0123456789abcdef'; DELETE FROM vms; DELETE FROM images");
  },
  "without its rows": async ({ database: path }) => {
    using database = new DatabaseSync(path);
    database.exec("DELETE FROM vms; DELETE FROM images; DELETE FROM kernels; UPDATE instance SET id = NULL");
  },
};

/** Copies the database of a daemon that has ended. */
export async function saveDatabase({ database: path }: Layout, to: string): Promise<void> {
  {
    using database = new DatabaseSync(path);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  await copyFile(path, to);
}

export async function restoreDatabase(layout: Layout, from: string): Promise<void> {
  await clear(layout);
  await rename(from, layout.database);
}
