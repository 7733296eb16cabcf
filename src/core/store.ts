import type { DatabaseSync } from "node:sqlite";
import type { Layout } from "../model/layout.ts";
import { openDatabase } from "../store/database.ts";
import { describeIn } from "./descriptions.ts";
import { readInstance, type InstanceRow } from "../store/instance-row.ts";
import { openSeenCatalogs, type SeenCatalogs } from "../store/seen-catalogs.ts";
import { openEventLog, type EventLog } from "./events.ts";
import { openHolds, type Holds } from "./holds.ts";
import { openIntentLog, type IntentLog } from "./intents.ts";
import { openRows, type Rows } from "./rows.ts";
import type { Table } from "./table.ts";
import { openTransactions } from "./transactions.ts";

/** Tables by the names that the code calls them by. */
// oxlint-disable-next-line typescript/no-explicit-any -- each table has a type of its own, which Store takes from it
export type Tables = Readonly<Record<string, Table<any, any>>>;

/** All that banger remembers: the rows of each noun by its name, and what all nouns share. */
export type Store<T extends Tables = Tables> = Memory & {
  readonly [K in keyof T]: T[K] extends Table<infer O, infer S> ? Rows<O, S> : never;
};

/**
 * The store as one noun knows it: with its own rows, and those that it needs of others.
 *
 * @param names of the rows that must be there.
 */
export function storeWith<S extends Memory>(store: Store, ...names: readonly (keyof S & string)[]): S {
  const missing = names.filter((name) => !Object.hasOwn(store, name));
  if (missing.length > 0) throw new Error(`the store has no ${missing.join(", ")}`);
  return store as unknown as S;
}

/** What all nouns share. */
export interface Memory extends Disposable {
  readonly events: EventLog;
  readonly holds: Holds;
  readonly intents: IntentLog;
  readonly seenCatalogs: SeenCatalogs;
  /** Makes several changes one transaction: all of it is done, or nothing. */
  atomically(change: () => void): void;
  /** What the database says of itself. */
  instance(): InstanceRow;
  /** Notes what objects hold of which that is not known: of an older banger's, or of such as do not read. */
  noteHolds(): void;
  /** Writes what every folder says of its object anew: some may be of an older banger, or could not be written. */
  describeAll(): void;
  /** Rows of every noun, for what concerns all. */
  readonly all: readonly AnyRows[];
  readonly database: DatabaseSync;
}

/** The rows of some noun. */
export interface AnyRows {
  readonly noun: Table;
  readonly rows: Pick<
    Rows<{ readonly id: string; readonly name: string }>,
    "list" | "find" | "broken" | "findBroken" | "ids" | "transitionIfThere"
  >;
}

export interface StoreOptions {
  /** Where objects have their folders; without it nothing is written but the database. */
  readonly layout: Layout;
  /** Hears what could not be written beside an object's files. */
  readonly onFailure: (error: unknown, id: string) => void;
}

/** @throws BangerError `STATE_CORRUPT`. */
export function openStore<const T extends Tables>(path: string, tables: T, options?: StoreOptions): Store<T> {
  const database = openDatabase(path);
  const instance = (): InstanceRow => readInstance(database);
  const transactions = openTransactions(database);
  const events = openEventLog(database);
  const holds = openHolds(database);
  const opened = Object.entries<Table>(tables).map(([name, noun]) => {
    const place = options && noun.folder?.(options.layout);
    const describer =
      options && place && describeIn<{ readonly id: string }>(place, () => instance().id ?? "", options.onFailure);
    const rows = openRows({ database, transactions, events, holds }, noun, describer);
    return { name, noun, rows, describer };
  });
  const noteAll = (): void => {
    transactions.run(() => {
      for (const { noun, rows } of opened) noteHolds(noun, rows, holds);
    });
  };
  noteAll();
  const memory: Memory = {
    events,
    holds,
    intents: openIntentLog(database),
    seenCatalogs: openSeenCatalogs(database),
    atomically: (change) => transactions.run(change),
    instance,
    noteHolds: noteAll,
    describeAll() {
      const { revision } = instance();
      for (const { rows, describer } of opened) {
        if (describer !== undefined) for (const object of rows.list()) describer.kept(object, revision);
      }
    },
    all: opened,
    database,
    [Symbol.dispose]: () => database.close(),
  };
  return { ...memory, ...Object.fromEntries(opened.map(({ name, rows }) => [name, rows])) } as unknown as Store<T>;
}

/** A state of an older banger's has no holds yet; what does not read keeps those that it had. */
function noteHolds({ noun, holds: holdsOf }: Table, rows: AnyRows["rows"], holds: Holds): void {
  const isUnknown = (id: string): boolean => !holds.knows({ noun, id });
  // Reading all rows takes time, and is needed but once.
  if (holdsOf === undefined || ![...rows.ids()].some(isUnknown)) return;
  for (const object of rows.list()) if (isUnknown(object.id)) holds.set({ noun, id: object.id }, holdsOf(object));
  for (const { id, document } of rows.broken()) if (isUnknown(id)) holds.set({ noun, id }, holdsOf(document));
}
