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
      const read = Object.hasOwn(specs, name) ? specs[name]?.read : undefined;
      if (read === undefined || value === undefined || typeof value === "boolean") return [name, value];
      return [
        name,
        typeof value === "string" ? read(value, `--${name}`) : value.map((word) => read(word, `--${name}`)),
      ];
    }),
  );
}
