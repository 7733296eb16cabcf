import type { DatabaseSync } from "node:sqlite";

/** What one object needs of another thing: that one must stay while it lives. */
export interface Hold {
  /** What kind of thing: `image`, `kernel`, `file`, `blob`. */
  readonly kind: string;
  /** Its id, name, path or digest, as the holder's record has it. */
  readonly ref: string;
}

export interface Holder {
  /** As in `vm`, `image`. */
  readonly noun: string;
  readonly id: string;
}

/** A record that does not even say what it needs may need anything. */
const ANYTHING: Hold = { kind: "*", ref: "*" };

/**
 * Who needs what, in one table. It changes with the rows, in their transactions; what a record needed that no longer reads
 * stays, so that nothing is taken from under it.
 */
export interface Holds {
  /** Replaces what one object holds. `undefined`: it cannot be told. */
  set(holder: Holder, holds: readonly Hold[] | undefined): void;
  drop(holder: Holder): void;
  /** Whether anything is noted of this one. */
  knows(holder: Holder): boolean;
  /** Who holds one of these, certainly or possibly. */
  of(kind: string, refs: readonly string[]): readonly Holder[];
  /** All of one kind that are held by somebody, and by whom; possibly held ones are not among them. */
  list(kind: string): readonly (Holder & { readonly ref: string })[];
  /** All of one kind that are held by somebody; `undefined` where one who may hold anything is among them. */
  held(kind: string): ReadonlySet<string> | undefined;
}

export function openHolds(database: DatabaseSync): Holds {
  const remove = database.prepare("DELETE FROM holds WHERE noun = :noun AND id = :id");
  const insert = database.prepare("INSERT OR IGNORE INTO holds (noun, id, kind, ref) VALUES (:noun, :id, :kind, :ref)");
  const some = database.prepare("SELECT 1 FROM holds WHERE noun = :noun AND id = :id LIMIT 1");
  const holders = database.prepare(
    "SELECT DISTINCT noun, id FROM holds WHERE kind = '*' OR (kind = :kind AND ref = :ref) ORDER BY rowid",
  );
  const refs = database.prepare("SELECT DISTINCT kind, ref FROM holds WHERE kind = '*' OR kind = :kind");
  const ofKind = database.prepare("SELECT noun, id, ref FROM holds WHERE kind = :kind");
  return {
    set({ noun, id }, holds) {
      remove.run({ noun, id });
      for (const { kind, ref } of holds ?? [ANYTHING]) insert.run({ noun, id, kind, ref });
    },
    drop({ noun, id }) {
      remove.run({ noun, id });
    },
    knows: ({ noun, id }) => some.get({ noun, id }) !== undefined,
    of(kind, wanted) {
      const found = new Map<string, Holder>();
      for (const ref of wanted) {
        for (const row of holders.all({ kind, ref })) {
          const holder = { noun: String(row["noun"]), id: String(row["id"]) };
          found.set(`${holder.noun}/${holder.id}`, holder);
        }
      }
      return [...found.values()];
    },
    list: (kind) =>
      ofKind.all({ kind }).map(({ noun, id, ref }) => ({ noun: String(noun), id: String(id), ref: String(ref) })),
    held(kind) {
      const rows = refs.all({ kind });
      if (rows.some((row) => row["kind"] === ANYTHING.kind)) return undefined;
      return new Set(rows.map((row) => String(row["ref"])));
    },
  };
}
