import { parseArgs } from "node:util";
import type { BangerError } from "../../lib/errors.ts";
import { commonOptions, type Command, type OptionSpec, type OptionSpecs } from "../command.ts";
import { badUsage } from "./bad-usage.ts";
import { beforeDashes } from "./asks.ts";
import { type NamedWords, nameWords } from "./name-words.ts";
import { nearest } from "./nearest.ts";
import type { OptionWords } from "./read-options.ts";

export interface Parsed {
  readonly args: NamedWords;
  readonly options: OptionWords;
}

/**
 * Reads the words after a command's name. `--help` is left to the caller, who asks {@link asksForHelp} first.
 *
 * @throws BangerError `BAD_USAGE` for an option or word too many, one too few, or a value that is missing.
 */
export function parseWords(command: Command, words: readonly string[]): Parsed {
  const name = command.name.join(" ");
  const { own, passedOn, afterDashes } = split(command, words);
  const specs: OptionSpecs = { ...command.options, ...commonOptions(command) };
  const options = emptyOptions(specs);
  const plainWords: string[] = [];
  for (const token of tokensOf(own, specs)) {
    if (token.kind === "positional") plainWords.push(token.value);
    if (token.kind !== "option") continue;
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    if (spec === undefined) throw unknownOption(token.rawName, specs, command, name);
    setOption(options, token, spec, name);
  }
  return { args: nameWords(command.arguments, plainWords, passedOn, afterDashes, name), options };
}

interface Split {
  readonly own: readonly string[];
  readonly passedOn: readonly string[];
  readonly afterDashes: readonly string[] | undefined;
}

/** Parts our words from those for another program: after the first argument, where it takes some, and after `--`. */
function split(command: Command, words: readonly string[]): Split {
  const before = beforeDashes(words);
  const afterDashes = before.length === words.length ? undefined : words.slice(before.length + 1);
  if (!command.arguments.some(({ kind }) => kind === "passed-on")) return { own: before, passedOn: [], afterDashes };
  const first = tokensOf(before, { ...command.options, ...commonOptions(command) }).find(
    (token) => token.kind === "positional",
  );
  const end = first === undefined ? before.length : first.index + 1;
  return { own: before.slice(0, end), passedOn: before.slice(end), afterDashes };
}

/** Not strict: our own errors name the nearest option and what to do. */
function tokensOf(words: readonly string[], specs: OptionSpecs) {
  const options = Object.entries(specs).map(([name, { type, short }]): [string, ParserOption] => [
    name,
    { type, ...(short !== undefined && { short }) },
  ]);
  const config = { strict: false, allowPositionals: true, tokens: true } as const;
  return parseArgs({ ...config, args: [...words], options: Object.fromEntries(options) }).tokens;
}

type ParserOption = Pick<OptionSpec, "type"> & { short?: string };
type OptionValues = Record<string, string | boolean | string[] | undefined>;

function emptyOptions(specs: OptionSpecs): OptionValues {
  return Object.fromEntries(
    Object.entries(specs).map(([option, spec]) => [
      option,
      spec.type === "boolean" ? false : spec.multiple ? [] : undefined,
    ]),
  );
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function setOption(options: OptionValues, token: OptionToken, spec: OptionSpec, command: string): void {
  const { name, rawName, value } = token;
  if (spec.type === "boolean") {
    if (value !== undefined) throw badUsage(`${rawName} takes no value`, `write ${rawName} alone`);
    options[name] = true;
    return;
  }
  if (value === undefined) throw badUsage(`${rawName} needs a value`, `see \`banger ${command} --help\``);
  if (token.inlineValue !== true && value.length > 1 && value.startsWith("-")) {
    throw badUsage(
      `${rawName} needs a value, and ${value} looks like an option`,
      `if you mean it, write --${name}=${value}`,
    );
  }
  const before = options[name];
  if (Array.isArray(before)) before.push(value);
  else if (before === undefined) options[name] = value;
  else throw badUsage(`${rawName} is given twice`, "give it once");
}

function unknownOption(rawName: string, specs: OptionSpecs, command: Command, name: string): BangerError {
  if (rawName === "--detach") {
    return badUsage(
      `\`banger ${name}\` has no operation that could go on without it`,
      "leave --detach out; what takes it has it in its `--help`",
    );
  }
  const suggestion = nearest(
    rawName,
    Object.keys(specs).map((option) => `--${option}`),
  );
  const rest = command.arguments.some(({ kind }) => kind === "rest");
  const help = rest
    ? `put \`--\` before a command's own words; see \`banger ${name} --help\``
    : `see \`banger ${name} --help\``;
  return badUsage(
    `\`banger ${name}\` has no option ${rawName}`,
    suggestion === undefined ? help : `did you mean ${suggestion}?`,
  );
}
