import type { z } from "zod";
import type { ErrorCode } from "../lib/error-codes.ts";
import type { BangerError } from "../lib/errors.ts";
import type { Layout } from "../model/layout.ts";
import type { Hold } from "./holds.ts";
import type { Steps } from "./steps.ts";

export interface Named {
  readonly id: string;
  readonly name: string;
}

/** How the objects of one noun are kept, and how their lives go. */
export interface Table<T extends Named = Named, S extends Steps = Steps> {
  /** Of the database, as in `vms`. */
  readonly table: string;
  /** As events and ids of operations call it: `vm`. */
  readonly noun: string;
  /** As in sentences: `VM`. */
  readonly singular: string;
  readonly notFound: ErrorCode;
  readonly listCommand: string;
  readonly schema: z.ZodType<T>;
  /** Every step that changes one; `created` and `deleted` come of themselves. */
  readonly steps: S;
  /** @returns why a step cannot be taken in the state that the object is in. Only for nouns that have states. */
  readonly refuse?: (object: T, step: string) => BangerError;
  /** What an object needs of others. It reads as little of it as it can, so that an object is understood that does not read. */
  readonly holds?: HoldsOf;
  /** Where each object has a folder, and the file in it that tells of it. */
  readonly folder?: (layout: Layout) => { readonly folder: string; readonly file: string };
}

/** @returns what the object of this document holds; undefined where it does not even say so. */
export type HoldsOf = (document: unknown) => readonly Hold[] | undefined;

/** Says what an object holds, by the part of it that tells. */
export function holdsBy<N>(schema: z.ZodType<N>, of: (needs: N) => readonly Hold[]): HoldsOf {
  return (document) => {
    const needs = schema.safeParse(document);
    return needs.success ? of(needs.data) : undefined;
  };
}

/** Keeps the exact names of a noun's steps. */
export function defineTable<T extends Named, const S extends Steps>(table: Table<T, S>): Table<T, S> {
  return table;
}
