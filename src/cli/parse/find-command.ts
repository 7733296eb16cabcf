import type { BangerError } from "../../lib/errors.ts";
import type { Command } from "../command.ts";
import { badUsage } from "./bad-usage.ts";
import { nearest } from "./nearest.ts";

/** What the first words of a command line stand for. */
export type Found =
  | { readonly kind: "command"; readonly command: Command; readonly rest: readonly string[] }
  | { readonly kind: "noun"; readonly noun: string }
  | { readonly kind: "overview" };

/** Other names of verbs that people's fingers know. */
const ALIASES = new Map([
  ["ls", "list"],
  ["ps", "list"],
  ["rm", "delete"],
  ["show", "inspect"],
]);

/**
 * Finds the command that the words begin with.
 *
 * @throws BangerError `BAD_USAGE` that names the nearest command.
 */
export function findCommand(commands: readonly Command[], words: readonly string[]): Found {
  const [first, second, ...rest] = words;
  if (first === undefined || first.startsWith("-")) return { kind: "overview" };
  const single = commands.find(({ name, short }) => short === first || (name.length === 1 && name[0] === first));
  if (single !== undefined) return { kind: "command", command: single, rest: words.slice(1) };
  const verbs = commands.filter(({ name }) => name[0] === first);
  if (verbs.length === 0)
    throw unknown(
      first,
      commands.flatMap(({ name, short = name[0] }) => [name[0], short]),
      "",
    );
  if (second === undefined || second.startsWith("-")) return { kind: "noun", noun: first };
  const command = verbs.find(({ name }) => name[1] === (ALIASES.get(second) ?? second));
  if (command !== undefined) return { kind: "command", command, rest };
  throw unknown(
    `${first} ${second}`,
    verbs.map(({ name }) => name.join(" ")),
    ` ${first}`,
  );
}

function unknown(given: string, known: readonly string[], noun: string): BangerError {
  const suggestion = nearest(given, known);
  return badUsage(
    `there is no command \`banger ${given}\``,
    suggestion === undefined
      ? `run \`banger${noun} --help\` to see what there is`
      : `did you mean \`banger ${suggestion}\`?`,
  );
}
