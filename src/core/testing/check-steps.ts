import assert from "node:assert/strict";
import { BangerError } from "../../lib/errors.ts";
import { openStore } from "../store.ts";
import type { Steps } from "../steps.ts";
import type { Named, Table } from "../table.ts";
import { putRow } from "./put-row.ts";

/**
 * Takes every step of a noun's table from every state, in a store of its own: a step that may be taken leads where it should
 * and is an event, and one that may not is refused and changes nothing.
 *
 * @param states all that an object of the noun may be in; none where it has no states.
 * @param words of each step, what is expected: `stopped failed > starting`; without `>` the state stays, `any` is every state.
 */
export function checkSteps<T extends Named, S extends Steps>(
  table: Table<T, S>,
  object: T,
  states: readonly string[],
  words: Readonly<Record<keyof S & string, string>>,
): void {
  assert.deepEqual(Object.keys(words).toSorted(), Object.keys(table.steps).toSorted(), "each step is expected once");
  using store = openStore(":memory:", { rows: table });
  const { rows, events } = store;
  rows.insert(object);
  for (const [step, word] of Object.entries<string>(words)) {
    const [from = "", to] = word.split(" > ");
    const allowed = new Set(from === "any" ? states : from.split(" "));
    for (const state of states.length === 0 ? [undefined] : states) {
      const before: T = { ...object, ...(state !== undefined && { state }) };
      putRow(store, table.table, { ...(before as Named & Record<string, unknown>) });
      const seen = events.last();
      const told = `${table.singular}: ${step} from ${state ?? "wherever it is"}`;
      if (state === undefined || allowed.has(state)) {
        const after = { ...before, ...(state !== undefined && { state: to ?? state }) };
        assert.deepEqual(rows.transition(object.id, step), after, told);
        assert.deepEqual(rows.get(object.id), after, told);
        assert.deepEqual(
          events.since(seen).map((event) => event.step),
          [step],
          told,
        );
      } else {
        const refused = (error: unknown): boolean => error instanceof BangerError;
        assert.throws(() => rows.transition(object.id, step), refused, `${told} is to be refused`);
        assert.deepEqual([rows.get(object.id), events.last()], [before, seen], `${told} changes nothing`);
      }
    }
  }
}
