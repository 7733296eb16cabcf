import type { Core, OpenNoun } from "./noun.ts";
import { settleIntents } from "./recovery.ts";

/**
 * Puts the state in order after a daemon that died, or simply after the last one: what ended unseen is written down, what
 * was begun is finished or undone. Nothing is touched that neither a row nor an open intent names. Doing it twice changes
 * nothing.
 *
 * @returns what was found and done, in words, for the log and `daemon status`.
 */
export async function recover(
  { store, layout, log }: Pick<Core, "store" | "layout" | "log">,
  nouns: readonly Pick<OpenNoun, "lookBack" | "settlers" | "tidy">[],
): Promise<string[]> {
  const told: string[] = [];
  for (const { rows } of store.all) {
    for (const { id, name } of rows.broken()) {
      told.push(
        `${id}: its record cannot be read, perhaps since another banger wrote it; ${name} and its files are left alone`,
      );
    }
  }
  for (const noun of nouns) await noun.lookBack?.(told);
  const settlers = nouns.flatMap((noun) => noun.settlers ?? []);
  await settleIntents({ store, log, workDir: layout.workDir }, settlers, told);
  for (const noun of nouns) await noun.tidy?.(told);
  for (const line of told) log.info({ recovery: line }, "recovered");
  return told;
}
