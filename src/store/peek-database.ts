import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { type BangerError, hasErrno } from "../lib/errors.ts";
import { checkVersion, stateCorrupt } from "./database.ts";
import { readInstance } from "./instance-row.ts";

export const TABLES = ["kernels", "images", "volumes", "vms"] as const;
export type Table = (typeof TABLES)[number];

/** Every banger's database has these. */
const FIRST_TABLES: readonly Table[] = ["kernels", "images", "vms"];

/** What a database is, found without changing it. */
export type DatabaseSeen =
  | { readonly is: "absent" }
  | { readonly is: "unusable"; readonly error: BangerError }
  | {
      readonly is: "usable";
      readonly instance: string | undefined;
      readonly revision: number;
      readonly ids: Readonly<Record<Table, ReadonlySet<string>>>;
    };

/** Looks at a database, and writes nothing to it. An empty file counts as none: SQLite leaves one where it was stopped. */
export function peekDatabase(path: string): DatabaseSeen {
  try {
    const { size, isFile } = statOf(path);
    if (!isFile) throw new Error(`${path} is no regular file`);
    if (size === 0) return { is: "absent" };
    using database = new DatabaseSync(path, { readOnly: true });
    return look(database, path);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return { is: "absent" };
    return { is: "unusable", error: stateCorrupt(path, error) };
  }
}

function statOf(path: string): { readonly size: number; readonly isFile: boolean } {
  const found = statSync(path);
  return { size: found.size, isFile: found.isFile() };
}

function look(database: DatabaseSync, path: string): DatabaseSeen {
  const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  checkVersion(path, version);
  const check = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (check !== "ok") throw new Error(`it is damaged: ${String(check)}`);
  const tables = new Set(
    database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map(({ name }) => String(name)),
  );
  const ids = (table: Table): ReadonlySet<string> =>
    new Set(
      tables.has(table)
        ? database
            .prepare(`SELECT id FROM ${table}`)
            .all()
            .map(({ id }) => String(id))
        : [],
    );
  // One that is somebody else's altogether has none of our tables, and no place for them.
  if (version > 0 && !FIRST_TABLES.every((table) => tables.has(table)))
    throw new Error("it is no database of banger's");
  if (version === 0 && tables.size > 0) throw new Error("it is no database of banger's");
  const { id, revision } = tables.has("instance") ? readInstance(database) : { id: undefined, revision: 0 };
  return {
    is: "usable",
    instance: id,
    revision,
    ids: { kernels: ids("kernels"), images: ids("images"), volumes: ids("volumes"), vms: ids("vms") },
  };
}
