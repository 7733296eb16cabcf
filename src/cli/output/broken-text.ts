import { type BrokenView, isBroken, isWhole } from "../../model/broken.ts";
import type { Cli } from "../command.ts";

/** Parts what reads from what does not, and says of each of those why. */
export function partBroken<T extends object>(
  cli: Cli,
  listed: readonly T[],
): { readonly whole: readonly Exclude<T, BrokenView>[]; readonly broken: readonly BrokenView[] } {
  const broken = listed.flatMap((view): readonly BrokenView[] => (isBroken(view) ? [view] : []));
  const whole = listed.filter(isWhole);
  for (const { name, why } of broken) {
    cli.note(
      `${name}: its record cannot be read: ${why}; it and its files are left alone until it is deleted with --force`,
    );
  }
  return { whole, broken };
}

/** A row of a table with this many columns. */
export function brokenRow({ name, state }: BrokenView, columns: number): string[] {
  return [name, state, ...Array.from({ length: columns - 2 }, () => "?")];
}
