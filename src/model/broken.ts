/**
 * What is shown of an object whose record cannot be read. It keeps its name and whatever it holds, until it is deleted by
 * force.
 */
export interface BrokenView {
  id: string;
  name: string;
  state: "broken";
  /** What does not read, in words. */
  why: string;
}

export function viewBroken({ id, name, why }: Omit<BrokenView, "state">): BrokenView {
  return { id, name, state: "broken", why };
}

/** Whether an entry of a list is one that cannot be read. */
export function isBroken(view: object): view is BrokenView {
  return "state" in view && view.state === "broken";
}

/** The other entries. */
export function isWhole<T extends object>(view: T): view is Exclude<T, BrokenView> {
  return !isBroken(view);
}
