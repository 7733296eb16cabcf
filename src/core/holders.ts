import type { Holder } from "./holds.ts";
import type { Memory } from "./store.ts";

/** Who holds something, as it is told to people. */
export interface NamedHolder {
  readonly noun: string;
  /** As in sentences: `VM`. */
  readonly singular: string;
  readonly id: string;
  readonly name: string;
  /** Its record cannot be read, so that it is not certain what it holds. */
  readonly isBroken: boolean;
}

type Told = Pick<Memory, "all" | "holds">;

/** Who holds one of these, and what they are called, by their names. */
export function holdersOf(store: Told, kind: string, refs: readonly string[]): readonly NamedHolder[] {
  return named(store, store.holds.of(kind, refs));
}

/** What holders are called, by their names. */
export function named({ all }: Pick<Told, "all">, holders: readonly Holder[]): readonly NamedHolder[] {
  const found = holders.flatMap(({ noun, id }): readonly NamedHolder[] => {
    const of = all.find((one) => one.noun.noun === noun);
    if (of === undefined) return [];
    const { singular } = of.noun;
    const broken = of.rows.findBroken(id);
    if (broken !== undefined) return [{ noun, singular, id, name: broken.name, isBroken: true }];
    const object = of.rows.find(id);
    return object === undefined ? [] : [{ noun, singular, id, name: object.name, isBroken: false }];
  });
  return found.toSorted((a, b) => a.name.localeCompare(b.name));
}
