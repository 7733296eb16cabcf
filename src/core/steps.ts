/** Steps that an object of one noun may take: what they are called when they are done, from where, and to where. */
export type Steps<State extends string = string> = Readonly<Record<string, Step<State>>>;

export interface Step<State extends string = string> {
  /** States in which it may be taken; `any` where it matters to none. */
  readonly from: readonly State[] | "any";
  /** The state afterwards; absent where it stays what it is. */
  readonly to?: State;
}

/** Fields that a step never sets: the object's identity stays, and its state follows from the step. */
type Fixed = "id" | "createdAt" | "state";

/**
 * The fields that a step sets, and those that it takes away, as `undefined`. A whole object is none: what it said of the
 * others may be old by now.
 */
export type Change<T> = { readonly [K in Exclude<keyof T, Fixed>]?: T[K] | undefined } & {
  readonly [K in Fixed]?: never;
};

/** Whether a step may be taken in a state. */
export function mayStep<State extends string>({ from }: Step<State>, state: State): boolean {
  return from === "any" || from.includes(state);
}

/** An object with a change made. */
export function changed<T extends object>(object: T, change: Change<T>, state: string | undefined): T {
  const next: Record<string, unknown> = { ...object, ...change, ...(state !== undefined && { state }) };
  for (const [field, value] of Object.entries(next)) if (value === undefined) delete next[field];
  return next as T;
}
