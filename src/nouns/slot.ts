/** Something that one noun makes when it opens, for those that open after it. */
export interface Slot<T> {
  set(value: T): void;
  /** @throws Error where nobody has made it yet: the nouns stand in the wrong order. */
  get(): T;
}

export function slot<T>(what: string): Slot<T> {
  let made: { readonly value: T } | undefined;
  return {
    set(value) {
      made = { value };
    },
    get() {
      if (made === undefined) throw new Error(`${what} is not there yet`);
      return made.value;
    },
  };
}
