import { rm } from "node:fs/promises";

/**
 * What proves that something may be removed: an intent of this instance that names it, or somebody who asked for it. What
 * has neither is left, and told of (services/state/find-orphans.ts).
 */
export type Proof = { readonly intent: string } | { readonly asked: string };

/** Removes files and folders with all that is in them; links are not followed. What is not there is no mistake. */
export async function removeOwn(_proof: Proof, ...paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { recursive: true, force: true });
}
