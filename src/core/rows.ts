import type { DatabaseSync } from "node:sqlite";
import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import { BangerError, type ErrorText } from "../lib/errors.ts";
import { isId } from "../lib/ids.ts";
import { changeState } from "../store/instance-row.ts";
import type { EventLog } from "./events.ts";
import { faultPoints } from "./faults.ts";
import type { Holds } from "./holds.ts";
import { changed, mayStep, type Change, type Step, type Steps } from "./steps.ts";
import type { Named, Table } from "./table.ts";
import type { Transactions } from "./transactions.ts";

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
export interface Rows<T extends Named, S extends Steps = Steps> {
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
  /**
   * The one way to change an object: reads it anew, looks whether the step may be taken, writes what it sets, what it holds
   * and the event of it, all or nothing. What another has set meanwhile stays as it is.
   *
   * @param change the fields that it sets, or what makes them of the object as it is now.
   * @returns the object as it is then.
   * @throws BangerError what the noun refuses a step with; its not-found code, `RECORD_BROKEN`, `NAME_TAKEN`.
   */
  transition(id: string, step: keyof S & string, change?: Change<T> | ((now: T) => Change<T>)): T;
  /** The same, for an object that may be gone by now: nothing is done then. */
  transitionIfThere(id: string, step: keyof S & string, change?: Change<T> | ((now: T) => Change<T>)): T | undefined;
  /** @throws BangerError unless the object is in a state in which the step may be taken. */
  check(object: T, step: keyof S & string): void;
  delete(id: string): void;
  /** @throws BangerError `NAME_TAKEN` if an object has this name. */
  checkFree(name: string): void;
}

/** What rows of all nouns share. */
export interface RowsContext {
  readonly database: DatabaseSync;
  readonly transactions: Transactions;
  readonly events: EventLog;
  readonly holds: Holds;
}

type Read<T> = { readonly object: T } | { readonly why: string; readonly document: unknown };

export function openRows<T extends Named, S extends Steps>(
  { database, transactions, events, holds }: RowsContext,
  noun: Table<T, S>,
  describer?: Describer<T>,
): Rows<T, S> {
  const { table, schema } = noun;
  // Nouns of the first versions have theirs already.
  database.exec(
    `CREATE TABLE IF NOT EXISTS ${table} (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL) STRICT`,
  );
  const selectAll = database.prepare(`SELECT id, name, document FROM ${table} ORDER BY rowid`);
  const selectIds = database.prepare(`SELECT id FROM ${table}`);
  const selectOne = database.prepare(`SELECT id, name, document FROM ${table} WHERE id = :ref OR name = :ref`);
  const insert = database.prepare(`INSERT INTO ${table} (id, name, document) VALUES (:id, :name, :document)`);
  const update = database.prepare(`UPDATE ${table} SET name = :name, document = :document WHERE id = :id`);
  const remove = database.prepare(`DELETE FROM ${table} WHERE id = :id RETURNING name`);
  const reach = faultPoints(noun.noun, ["created", ...Object.keys(noun.steps), "deleted"]);

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
  const get = (ref: string): T => {
    const object = find(ref);
    if (object !== undefined) return object;
    const broken = findBroken(ref);
    throw broken === undefined
      ? new BangerError(noun.notFound, notFoundText(noun, ref))
      : new BangerError("RECORD_BROKEN", brokenText(noun, broken));
  };
  const checkFree = (name: string): void => {
    if (selectOne.get({ ref: name }) === undefined) return;
    throw new BangerError("NAME_TAKEN", {
      what: `there is a ${noun.singular} named ${name} already`,
      fix: "choose another name, or delete that one first",
    });
  };
  const check = (object: T, step: keyof S & string): void => {
    const rule = noun.steps[step];
    const state = stateOf(object);
    if (rule === undefined) throw new Error(`a ${noun.singular} has no step ${step}`);
    if (state === undefined || mayStep(rule, state)) return;
    throw noun.refuse?.(object, step) ?? new Error(`${noun.singular} ${object.name} is ${state}: no step ${step}`);
  };
  /** What happens with each change beside the row itself. */
  const note = (object: T, step: string, fields: readonly string[]): void => {
    const { id, name } = object;
    holds.set({ noun: noun.noun, id }, noun.holds?.(object) ?? []);
    const state = stateOf(object);
    events.append({ noun: noun.noun, id, name, step, changed: fields, ...(state !== undefined && { state }) });
    transactions.afterwards(() => events.announce());
  };

  const rows: Rows<T, S> = {
    list: () =>
      selectAll.all().flatMap((row) => {
        const read = readRow(row, schema);
        return "object" in read ? [read.object] : [];
      }),
    broken: () => selectAll.all().flatMap(asBroken),
    ids: () => new Set(selectIds.all().map(({ id }) => String(id))),
    find,
    findBroken,
    get,
    check,
    checkFree,
    insert(object) {
      transactions.run(() => {
        checkFree(object.name);
        const { revision } = changeState(database, () =>
          insert.run({ id: object.id, name: object.name, document: JSON.stringify(object) }),
        );
        note(object, "created", []);
        transactions.afterwards(() => describer?.inserted(object, revision));
      });
      reach("created");
    },
    transition(id, step, change = {}) {
      const next = transactions.run(() => {
        const now = get(id);
        check(now, step);
        const { to } = noun.steps[step] as Step;
        const object = changed(now, typeof change === "function" ? change(now) : change, to);
        if (object.name !== now.name) checkFree(object.name);
        const { revision } = changeState(database, () =>
          update.run({ id: now.id, name: object.name, document: JSON.stringify(object) }),
        );
        note(object, step, differences(now, object));
        transactions.afterwards(() => describer?.updated(object, revision));
        return object;
      });
      reach(step);
      return next;
    },
    transitionIfThere: (id, step, change) => (find(id) === undefined ? undefined : rows.transition(id, step, change)),
    delete(id) {
      transactions.run(() => {
        const { result: row } = changeState(database, () => remove.get({ id }));
        holds.drop({ noun: noun.noun, id });
        if (row === undefined) return;
        events.append({ noun: noun.noun, id, name: String(row["name"]), step: "deleted", changed: [] });
        transactions.afterwards(() => events.announce());
      });
      reach("deleted");
    },
  };
  return rows;
}

function stateOf(object: object): string | undefined {
  return "state" in object && typeof object.state === "string" ? object.state : undefined;
}

/** Names of fields that are not as they were. */
function differences(before: object, after: object): readonly string[] {
  const [was, is] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  return [...new Set([...was.keys(), ...is.keys()])].filter(
    (field) => !isDeepStrictEqual(was.get(field), is.get(field)),
  );
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

type Words = Pick<Table, "singular" | "listCommand">;

function notFoundText({ singular, listCommand }: Words, ref: string): ErrorText {
  return { what: `there is no ${singular} ${JSON.stringify(ref)}`, fix: `run \`${listCommand}\` to see them` };
}

function brokenText({ singular, listCommand }: Words, { name, why }: BrokenObject): ErrorText {
  const verb = listCommand.replace(/list$/, "delete");
  return {
    what: `the record of ${singular} ${name} cannot be read`,
    why: `${why}; another version of banger wrote it, or it is damaged`,
    fix: `use the banger that wrote it, or remove it with \`${verb} --force ${name}\``,
  };
}
