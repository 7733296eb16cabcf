import type { Logger } from "pino";
import { removeTree } from "../lib/destroy.ts";
import { asBangerError } from "../lib/errors.ts";
import { isId } from "../lib/ids.ts";
import { namesIn } from "../lib/names-in.ts";
import { isWorkOf, WORK, type Intent, type IntentKind } from "./intents.ts";
import type { Memory } from "./store.ts";

/** How one kind of intent is settled that a daemon left open. It is safe to repeat. */
export interface Settler {
  readonly kind: Pick<IntentKind, "kind">;
  /** What has to be done before its work in progress is removed. */
  readonly before?: (intent: Intent) => Promise<void>;
  /** @returns what was done, in words; nothing where there was nothing to do. */
  readonly settle: (intent: Intent) => Promise<string | undefined>;
}

export interface SettleContext {
  readonly store: Pick<Memory, "all" | "intents">;
  readonly workDir: string;
  readonly log: Logger;
}

/** Work in progress that is all there is of an intent is removed before this is asked. */
const SETTLE_WORK: Settler = { kind: WORK, settle: () => Promise.resolve(undefined) };

/**
 * Finishes or undoes what earlier daemons left half-done, in the order in which it was begun. What cannot be settled now is
 * tried again at the next start; it keeps no daemon from starting.
 *
 * @param told where it is said in words what was found and done.
 */
export async function settleIntents(
  context: SettleContext,
  settlers: readonly Settler[],
  told: string[],
): Promise<void> {
  const known = new Map([SETTLE_WORK, ...settlers].map((settler) => [settler.kind.kind, settler]));
  for (const intent of context.store.intents.open()) {
    const settler = known.get(intent.kind);
    if (settler === undefined) told.push(othersWork(intent));
    else await trySettle(context, settler, intent, told);
  }
}

/** Kinds of intents that are open and that none of these settlers settles. */
export function unknownIntents(store: SettleContext["store"], settlers: readonly Settler[]): readonly Intent[] {
  const known = new Set([WORK.kind, ...settlers.map(({ kind }) => kind.kind)]);
  return store.intents.open().filter(({ kind }) => !known.has(kind));
}

function othersWork({ kind, subject }: Intent): string {
  return `${subject}: another banger began "${kind}" with it, which this one does not know; it is left alone`;
}

async function trySettle(context: SettleContext, settler: Settler, intent: Intent, told: string[]): Promise<void> {
  const { kind, subject } = intent;
  if (context.store.all.some(({ rows }) => rows.findBroken(subject) !== undefined)) {
    told.push(`${subject}: "${kind}" was begun with it; that waits, since its record cannot be read`);
    return;
  }
  try {
    // It becomes part of paths.
    if (!isId(subject)) throw new Error(`${JSON.stringify(subject)} is no id`);
    await settler.before?.(intent);
    for (const name of namesIn(context.workDir).filter((one) => isWorkOf(one, subject)))
      await removeTree(context.workDir, name, "work of an open intent, by the name that it gave");
    const done = await settler.settle(intent);
    if (done !== undefined) told.push(done);
    context.store.intents.end(intent);
  } catch (error) {
    context.log.error({ err: error, kind, subject }, "what was begun could not be settled");
    told.push(`${subject}: "${kind}" could not be settled, and is tried again: ${asBangerError(error).message}`);
  }
}
