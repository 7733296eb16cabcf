import { BangerError } from "../../lib/errors.ts";
import { type Entry, NOUNS, VERB_ALIASES, registry } from "../registry.ts";
import { nearest } from "./nearest.ts";

/** What the first words of a command line stand for. */
export type Found =
  | { readonly kind: "command"; readonly entry: Entry; readonly rest: readonly string[] }
  | { readonly kind: "noun"; readonly noun: keyof typeof NOUNS }
  | { readonly kind: "overview" };

/**
 * Finds the command that the words begin with.
 *
 * @throws BangerError `BAD_USAGE` that names the nearest command.
 */
export function findCommand(words: readonly string[]): Found {
  const [first, second, ...rest] = words;
  if (first === undefined || first.startsWith("-")) return { kind: "overview" };
  if (!isNoun(first)) {
    const entry = registry.find(({ words: [word, ...more] }) => word === first && more.length === 0);
    if (entry !== undefined) return { kind: "command", entry, rest: words.slice(1) };
    throw unknown(first, [...Object.keys(NOUNS), ...topLevel()], "");
  }
  if (second === undefined || second.startsWith("-")) return { kind: "noun", noun: first };
  const verb = VERB_ALIASES[second] ?? second;
  const entry = registry.find(({ words }) => words[0] === first && words[1] === verb);
  if (entry !== undefined) return { kind: "command", entry, rest };
  throw unknown(
    `${first} ${second}`,
    verbsOf(first).map(({ words }) => words.join(" ")),
    ` ${first}`,
  );
}

/** The commands of a noun that help lists. */
export function verbsOf(noun: string): readonly Entry[] {
  return registry.filter((entry) => entry.words[0] === noun && entry.hidden !== true);
}

export function isNoun(word: string): word is keyof typeof NOUNS {
  return Object.hasOwn(NOUNS, word);
}

function topLevel(): readonly string[] {
  return registry.flatMap(({ words, hidden }) => (words.length === 1 && hidden !== true ? [words[0]] : []));
}

function unknown(given: string, known: readonly string[], noun: string): BangerError {
  const suggestion = nearest(given, known);
  return new BangerError("BAD_USAGE", {
    what: `there is no command \`banger ${given}\``,
    fix:
      suggestion === undefined
        ? `run \`banger${noun} --help\` to see what there is`
        : `did you mean \`banger ${suggestion}\`?`,
  });
}
