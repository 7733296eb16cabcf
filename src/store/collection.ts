import type { DatabaseSync } from "node:sqlite";
import type { z } from "zod";
import { BangerError, type ErrorText } from "../lib/errors.ts";
import type { ErrorCode } from "../lib/error-codes.ts";
import { isId } from "../lib/ids.ts";
import { changeState } from "./instance-row.ts";

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

/** An object whose row does not read: another version wrote it, or it is damaged. */
export interface BrokenObject {
  readonly id: string;
  readonly name: string;
  /** As it stands there; undefined where it is not even JSON. */
  readonly document: unknown;
  /** What does not read, in words. */
  readonly why: string;
}

/** Hears of every object that is written, so that its folder can tell of it too. */
export interface Describer<T> {
  /** @param revision of the state that the object is of. */
  inserted(object: T, revision: number): void;
  updated(object: T, revision: number): void;
  /** The object stands there already: its folder may tell of it, or of an older one, or not at all. */
  kept(object: T, revision: number): void;
}

/** One noun's objects, by id and by name. Synchronous: SQLite is a file, and a change is one transaction. */
export interface Collection<T extends Named> {
  /** Oldest first. Objects whose document no longer reads are left out; {@link broken} names them. */
  list(): readonly T[];
  /** Objects whose document does not read. They keep their names, and whatever they may hold. */
  broken(): readonly BrokenObject[];
  /** Ids of all, those that do not read too. */
  ids(): ReadonlySet<string>;
  find(ref: string): T | undefined;
  /** An object of this name or id that does not read. */
  findBroken(ref: string): BrokenObject | undefined;
  /** @throws BangerError the noun's not-found code, or `RECORD_BROKEN`. */
  get(ref: string): T;
  /** @throws BangerError `NAME_TAKEN`. */
  insert(object: T): void;
  /** Replaces the object of the same id. */
  update(object: T): void;
  delete(id: string): void;
  /** @throws BangerError `NAME_TAKEN` if an object has this name. */
  checkFree(name: string): void;
}

type Read<T> = { readonly object: T } | { readonly why: string; readonly document: unknown };

export function openCollection<T extends Named>(
  database: DatabaseSync,
  noun: Noun,
  schema: z.ZodType<T>,
  describer?: Describer<T>,
): Collection<T> {
  const { table } = noun;
  const selectAll = database.prepare(`SELECT id, name, document FROM ${table} ORDER BY rowid`);
  const selectIds = database.prepare(`SELECT id FROM ${table}`);
  const selectOne = database.prepare(`SELECT id, name, document FROM ${table} WHERE id = :ref OR name = :ref`);
  const insert = database.prepare(`INSERT INTO ${table} (id, name, document) VALUES (:id, :name, :document)`);
  const update = database.prepare(`UPDATE ${table} SET name = :name, document = :document WHERE id = :id`);
  const remove = database.prepare(`DELETE FROM ${table} WHERE id = :id`);

  const asBroken = (row: Record<string, unknown>): readonly BrokenObject[] => {
    const read = readRow(row, schema);
    return "why" in read ? [{ id: String(row["id"]), name: String(row["name"]), ...read }] : [];
  };
  const find = (ref: string): T | undefined => {
    const row = selectOne.get({ ref });
    const read = row === undefined ? undefined : readRow(row, schema);
    return read !== undefined && "object" in read ? read.object : undefined;
  };
  const findBroken = (ref: string): BrokenObject | undefined => {
    const row = selectOne.get({ ref });
    return row === undefined ? undefined : asBroken(row)[0];
  };
  const checkFree = (name: string): void => {
    if (selectOne.get({ ref: name }) === undefined) return;
    throw new BangerError("NAME_TAKEN", {
      what: `there is a ${noun.singular} named ${name} already`,
      fix: "choose another name, or delete that one first",
    });
  };

  return {
    list: () =>
      selectAll.all().flatMap((row) => {
        const read = readRow(row, schema);
        return "object" in read ? [read.object] : [];
      }),
    broken: () => selectAll.all().flatMap(asBroken),
    ids: () => new Set(selectIds.all().map(({ id }) => String(id))),
    find,
    findBroken,
    get(ref) {
      const object = find(ref);
      if (object !== undefined) return object;
      const broken = findBroken(ref);
      throw broken === undefined
        ? new BangerError(noun.notFound, notFoundText(noun, ref))
        : new BangerError("RECORD_BROKEN", brokenText(noun, broken));
    },
    checkFree,
    insert(object) {
      checkFree(object.name);
      const { revision } = changeState(database, () =>
        insert.run({ id: object.id, name: object.name, document: JSON.stringify(object) }),
      );
      describer?.inserted(object, revision);
    },
    update(object) {
      const { revision, result } = changeState(database, () =>
        update.run({ id: object.id, name: object.name, document: JSON.stringify(object) }),
      );
      if (Number(result.changes) > 0) describer?.updated(object, revision);
    },
    delete(id) {
      changeState(database, () => remove.run({ id }));
    },
  };
}

/** A document that calls itself something else than its row is damaged too: its id becomes part of paths. */
function readRow<T extends Named>({ id, name, document }: Record<string, unknown>, schema: z.ZodType<T>): Read<T> {
  let value: unknown;
  try {
    value = JSON.parse(String(document));
  } catch (error) {
    return { why: `it is not JSON: ${error instanceof Error ? error.message : String(error)}`, document: undefined };
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { why: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not as expected"}`, document: value };
  }
  if (parsed.data.id !== id || parsed.data.name !== name || !isId(parsed.data.id)) {
    return { why: "it calls itself by another id or name", document: value };
  }
  return { object: parsed.data };
}

function notFoundText(noun: Noun, ref: string): ErrorText {
  return {
    what: `there is no ${noun.singular} ${JSON.stringify(ref)}`,
    fix: `run \`${noun.listCommand}\` to see them`,
  };
}

function brokenText({ singular, listCommand }: Noun, { name, why }: BrokenObject): ErrorText {
  const verb = listCommand.replace(/list$/, "delete");
  return {
    what: `the record of ${singular} ${name} cannot be read`,
    why: `${why}; another version of banger wrote it, or it is damaged`,
    fix: `use the banger that wrote it, or remove it with \`${verb} --force ${name}\``,
  };
}
