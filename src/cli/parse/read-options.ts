import type { OptionSpecs } from "../command.ts";

/** What the words of a command line say, before they are read. */
export type OptionWords = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/**
 * Reads each option's words as what the option is: a number, a size, a choice.
 *
 * @throws BangerError what the option's own `read` throws.
 */
export function readOptions(specs: OptionSpecs, words: OptionWords): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(words).map(([name, value]) => {
      const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
      if (spec?.type !== "string" || value === undefined || typeof value === "boolean") return [name, value];
      const read = (word: string): unknown => spec.read(word, `--${name}`);
      return [name, typeof value === "string" ? read(value) : value.map(read)];
    }),
  );
}
