import type { Logger } from "pino";
import type { Routes } from "../api/route.ts";
import type { BangerError } from "../lib/errors.ts";
import type { Config } from "../model/config.ts";
import type { Layout } from "../model/layout.ts";
import type { Handlers } from "./handlers.ts";
import type { Operations } from "./operations.ts";
import type { Settler } from "./recovery.ts";
import type { Store, Tables } from "./store.ts";

/** What the daemon gives each noun. */
export interface Core {
  readonly layout: Layout;
  readonly config: Config;
  readonly store: Store;
  readonly operations: Operations;
  readonly log: Logger;
  /** Why the state cannot be used; then nothing that it says holds. */
  readonly trouble: BangerError | undefined;
  readonly startedAt: string;
  /** What the start found left over, in words, once all VMMs have answered or count as silent. */
  found(): Promise<readonly string[]>;
  /** Takes the locks on the folders beside the state's. */
  hold(): Promise<Disposable>;
  /** Begins the daemon's end, once the answer is out. */
  stop(): void;
  /** Aborts when the daemon ends. */
  readonly ending: AbortSignal;
}

/**
 * One noun of banger's: what is kept of its objects, what can be asked of them, and how what was begun with them is settled.
 * The daemon knows no noun; it is given a list of them.
 */
export interface Noun<C extends Routes = Routes> {
  readonly name: string;
  /** Tables by the names under which the store has their rows. */
  readonly tables: Tables;
  readonly routes: C;
  /** Makes ready to answer; called once, in the order of the list. */
  open(core: Core): OpenNoun<C>;
}

/** A noun at work. What it does at a daemon's start stands in the order in which it is done. */
export interface OpenNoun<C extends Routes = Routes> {
  readonly handlers: Handlers<C>;
  /** Writes down what has ended while no daemon ran. @param told where it is said in words. */
  lookBack?(told: string[]): Promise<void>;
  readonly settlers?: readonly Settler[];
  /** Puts in order what is left once all that was begun is settled. */
  tidy?(told: string[]): Promise<void>;
  /** Takes back what outlives daemons, when requests are answered already. */
  takeBack?(told: string[], signal: AbortSignal): Promise<void>;
  /** Lets go what is to outlive this daemon. */
  release?(): Promise<void>;
}

/** Keeps the exact types of a noun's routes. */
export function defineNoun<C extends Routes>(noun: Noun<C>): Noun<C> {
  return noun;
}
