import type { Logger } from "pino";
import { asBangerError, type BangerError } from "../../lib/errors.ts";
import { writeFileAtomic } from "../../lib/files.ts";
import { newId } from "../../lib/ids.ts";
import { instanceFile, instanceFolders, type Layout } from "../../model/layout.ts";
import { writeInstance } from "../../store/instance-row.ts";
import { openStore, type Store, type Tables } from "../store.ts";
import { lookAtState } from "./look-at-state.ts";
import { planState } from "./plan-state.ts";

export interface OpenedState<T extends Tables> {
  /** An empty one in memory where there is trouble: enough to say so, and for doctor. */
  readonly store: Store<T>;
  /** Why the state cannot be used; nothing of it has been touched then. */
  readonly trouble?: BangerError;
}

/**
 * Opens the state if it and the data are of one instance.
 *
 * @param hold takes the locks on the folders beside the state's; they are kept as long as the state is.
 */
export async function openState<T extends Tables>(
  layout: Layout,
  tables: T,
  log: Logger,
  hold: () => Promise<Disposable>,
): Promise<OpenedState<T>> {
  using held = new DisposableStack();
  try {
    held.use(await hold());
    const store = held.use(await open(layout, tables, log));
    const all = held.move();
    return { store: { ...store, [Symbol.dispose]: () => all.dispose() } };
  } catch (error) {
    return { store: openStore(":memory:", tables), trouble: asBangerError(error) };
  }
}

async function open<T extends Tables>(layout: Layout, tables: T, log: Logger): Promise<Store<T>> {
  const plan = planState(lookAtState(layout), layout);
  const store: Store<T> = openStore(layout.database, tables, {
    layout,
    onFailure: (err, id) => log.error({ err, id }, "what a folder says of itself could not be written"),
  });
  try {
    const instance = plan.instance ?? newId("ins");
    // The database first: what it names may be given to a folder that says nothing, and never the other way round.
    if (store.instance().id !== instance) writeInstance(store.database, instance);
    const folders = instanceFolders(layout);
    for (const name of plan.tell) {
      // Something else may stand in its place. The database knows, and the other folders do.
      await tellInstance(folders[name], instance).catch((err: unknown) =>
        log.error({ err, folder: folders[name] }, "a folder could not be told whose it is"),
      );
    }
    store.describeAll();
    return store;
  } catch (error) {
    store[Symbol.dispose]();
    throw error;
  }
}

/** Writes down whose a folder is. */
export async function tellInstance(folder: string, instance: string): Promise<void> {
  await writeFileAtomic(instanceFile(folder), `${instance}\n`);
}
