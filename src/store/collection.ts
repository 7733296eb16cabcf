import type { DatabaseSync } from "node:sqlite";
import type { z } from "zod";
import { BangerError, type ErrorText } from "../lib/errors.ts";
import type { ErrorCode } from "../lib/error-codes.ts";

interface Named {
  readonly id: string;
  readonly name: string;
}

export interface Noun {
  readonly table: "kernels" | "images" | "vms";
  /** As in sentences: `image`, `VM`. */
  readonly singular: string;
  readonly notFound: ErrorCode;
  readonly listCommand: string;
}

export interface BrokenObject {
  readonly id: string;
  /** As another version wrote it; undefined where it is damaged. */
  readonly document: unknown;
}

/** One noun's objects, by id and by name. Synchronous: SQLite is a file, and a change is one transaction. */
export interface Collection<T extends Named> {
  /** Oldest first. Objects whose document no longer reads are left out; {@link broken} names them. */
  list(): readonly T[];
  /** Objects whose document does not read. */
  broken(): readonly BrokenObject[];
  find(ref: string): T | undefined;
  /** @throws BangerError the noun's not-found code. */
  get(ref: string): T;
  /** @throws BangerError `NAME_TAKEN`. */
  insert(object: T): void;
  /** Replaces the object of the same id. */
  update(object: T): void;
  delete(id: string): void;
  /** @throws BangerError `NAME_TAKEN` if an object has this name. */
  checkFree(name: string): void;
}

export function openCollection<T extends Named>(
  database: DatabaseSync,
  noun: Noun,
  schema: z.ZodType<T>,
): Collection<T> {
  const { table } = noun;
  const selectAll = database.prepare(`SELECT id, document FROM ${table} ORDER BY rowid`);
  const selectOne = database.prepare(`SELECT document FROM ${table} WHERE id = :ref OR name = :ref`);
  const insert = database.prepare(`INSERT INTO ${table} (id, name, document) VALUES (:id, :name, :document)`);
  const update = database.prepare(`UPDATE ${table} SET name = :name, document = :document WHERE id = :id`);
  const remove = database.prepare(`DELETE FROM ${table} WHERE id = :id`);

  const read = (document: unknown): T | undefined => {
    const parsed = schema.safeParse(parseDocument(document));
    return parsed.success ? parsed.data : undefined;
  };
  const asBroken = ({ id, document }: Record<string, unknown>): readonly BrokenObject[] =>
    read(document) === undefined ? [{ id: String(id), document: parseDocument(document) }] : [];
  const find = (ref: string): T | undefined => {
    const row = selectOne.get({ ref });
    return row === undefined ? undefined : read(row["document"]);
  };
  const checkFree = (name: string): void => {
    if (selectOne.get({ ref: name }) === undefined) return;
    throw new BangerError("NAME_TAKEN", {
      what: `there is a ${noun.singular} named ${name} already`,
      fix: "choose another name, or delete that one first",
    });
  };

  return {
    list: () => selectAll.all().flatMap((row) => read(row["document"]) ?? []),
    broken: () => selectAll.all().flatMap(asBroken),
    find,
    get(ref) {
      const object = find(ref);
      if (object === undefined) throw new BangerError(noun.notFound, notFoundText(noun, ref));
      return object;
    },
    checkFree,
    insert(object) {
      checkFree(object.name);
      insert.run({ id: object.id, name: object.name, document: JSON.stringify(object) });
    },
    update(object) {
      update.run({ id: object.id, name: object.name, document: JSON.stringify(object) });
    },
    delete(id) {
      remove.run({ id });
    },
  };
}

function parseDocument(document: unknown): unknown {
  try {
    return JSON.parse(String(document));
  } catch {
    return undefined;
  }
}

function notFoundText(noun: Noun, ref: string): ErrorText {
  return {
    what: `there is no ${noun.singular} ${JSON.stringify(ref)}`,
    fix: `run \`${noun.listCommand}\` to see them`,
  };
}
