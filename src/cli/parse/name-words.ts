import type { ArgumentSpec } from "../command.ts";
import { badUsage } from "./bad-usage.ts";

export type NamedWords = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Gives each word the name of its argument. */
export function nameWords(
  specs: readonly ArgumentSpec[],
  words: readonly string[],
  passedOn: readonly string[],
  afterDashes: readonly string[] | undefined,
  command: string,
): NamedWords {
  const args: Record<string, string | readonly string[] | undefined> = {};
  const takesRest = specs.some(({ kind }) => kind === "rest");
  const left = [...words, ...(takesRest ? [] : (afterDashes ?? []))];
  for (const { name, kind = "required" } of specs) {
    if (kind === "passed-on") args[name] = passedOn;
    else if (kind === "rest") args[name] = [...left.splice(0), ...(afterDashes ?? [])];
    else {
      if (left.length === 0 && kind !== "optional") {
        throw badUsage(`${name.toUpperCase()} is missing`, `write \`banger ${command} ${usageWords(specs)}\``);
      }
      args[name] = kind === "several" ? left.splice(0) : left.shift();
    }
  }
  const tooMany = left[0];
  if (tooMany !== undefined) {
    throw badUsage(`\`banger ${command}\` has no use for "${tooMany}"`, `see \`banger ${command} --help\``);
  }
  return args;
}

/** The arguments as help shows them: `VM [COMMAND...]`. */
export function usageWords(specs: readonly ArgumentSpec[]): string {
  return specs
    .map(({ name, kind = "required" }) => {
      const word = name.toUpperCase();
      if (kind === "required") return word;
      if (kind === "optional") return `[${word}]`;
      if (kind === "several") return `${word}...`;
      return kind === "rest" ? `[-- ${word}...]` : `[${word}...]`;
    })
    .join(" ");
}
