import { parseBytes } from "../../lib/bytes.ts";
import { BangerError, asBangerError } from "../../lib/errors.ts";
import {
  type Field,
  type Fields,
  type FlagField,
  type ListField,
  type OwnNames,
  type ValueOf,
  choiceRefusal,
} from "../../model/fields/field.ts";
import type { FlagOption, OptionSpec, OptionSpecs, ValueOption } from "../command.ts";
import { badUsage } from "./bad-usage.ts";
import { absolutePath } from "./local-paths.ts";
import { parsePublish } from "./publish-option.ts";

type Item<T> = T extends readonly (infer I)[] ? I : T;
/** The option of a field. */
export type OptionOf<F extends Field> = F extends FlagField
  ? FlagOption
  : Omit<ValueOption, "multiple"> & {
      readonly read: (word: string, option: string) => Item<ValueOf<F>>;
    } & (F extends ListField ? { readonly multiple: true } : unknown);

type Named<F extends Field> = F extends { readonly option: infer O extends string } ? O : never;
type OwnOptions<F extends Fields> = { readonly [K in OwnNames<F>]?: OptionSpecs };
type All<U> = (U extends unknown ? (each: U) => void : never) extends (all: infer I) => void ? I : never;
type OptionsOf<F extends Fields, O extends OwnOptions<F>> = {
  readonly [K in keyof F as K extends OwnNames<F> ? never : Named<F[K]>]: OptionOf<F[K]>;
} & ([keyof O] extends [never] ? unknown : All<O[keyof O]>);

/**
 * The options of a request's fields, in the order of the fields.
 *
 * @param own those of the fields of which the data says no more than what they are for; one that is for a part of its field
 *        says so itself.
 */
export function optionsOf<const F extends Fields, const O extends OwnOptions<F>>(fields: F, own: O): OptionsOf<F, O> {
  const given: Readonly<Record<string, OptionSpecs | undefined>> = own;
  const specs = Object.entries<Field>(fields).flatMap(([name, field]): readonly (readonly [string, OptionSpec])[] => {
    if (field.kind === "own") {
      return Object.entries(given[name] ?? {}).map(([option, spec]) => [option, { field: name, ...spec }]);
    }
    return field.option === undefined ? [] : [[field.option, { ...optionOf(field), field: name }]];
  });
  return Object.fromEntries(specs) as unknown as OptionsOf<F, O>;
}

/** What the options say, by the names of their fields; undefined for what they do not: that is left to the daemon. */
export function inputOf<const F extends Fields>(
  fields: F,
  options: { readonly [K in keyof F as K extends OwnNames<F> ? never : Named<F[K]>]: unknown },
): { [K in Exclude<keyof F, OwnNames<F>>]: ValueOf<F[K]> | undefined } {
  const values: Readonly<Record<string, unknown>> = options;
  const entries = Object.entries<Field>(fields)
    .filter(([, { kind, option }]) => kind !== "own" && option !== undefined)
    .map(([name, field]) => [name, said(field, values[field.option ?? ""])]);
  return Object.fromEntries(entries) as { [K in Exclude<keyof F, OwnNames<F>>]: ValueOf<F[K]> | undefined };
}

/** What an option's value says of its field; undefined for what was not given. */
function said(field: Field, value: unknown): unknown {
  if (value === false || (Array.isArray(value) && value.length === 0)) return undefined;
  return field.kind === "flag" && field.on === true && value === true ? false : value;
}

/** What stands for a value in the help, unless a field has a word of its own. */
const VALUE_WORDS: Readonly<Partial<Record<Field["kind"], string>>> = {
  number: "N",
  bytes: "SIZE",
  rate: "SIZE",
  seconds: "SECONDS",
  path: "FILE",
  list: "PORT",
};

/** The option of one field, as data; see {@link optionsOf} for those of a request. */
export function optionOf(field: Field): OptionSpec {
  const { kind, help, short, value = VALUE_WORDS[kind] } = field;
  const told = { help, ...(short !== undefined && { short }) };
  if (kind === "flag") return { type: "boolean", ...told };
  return {
    type: "string",
    ...told,
    ...(kind === "list" && { multiple: true }),
    ...(value !== undefined && { value }),
    read: (word, option) => readWord(field, word, option),
  };
}

/**
 * What a word of the command line is, by the kind of its field. Bounds are the contract's to hold.
 *
 * @throws BangerError `BAD_USAGE`; `BAD_REQUEST` as the contract has it for what is no choice.
 */
function readWord(field: Field, word: string, option: string): unknown {
  switch (field.kind) {
    case "number":
    case "seconds":
      return wholeNumber(word, option);
    case "bytes":
    case "rate":
      return size(word, option);
    case "choice":
      return choice(field.values, word, option);
    case "path":
      return absolutePath(word, process.cwd());
    case "list":
      return parsePublish(word);
    case "text":
    case "flag":
    case "own":
      return word;
  }
}

function wholeNumber(word: string, option: string): number {
  if (!/^\d{1,15}$/.test(word)) throw badUsage(`${option} cannot be "${word}"`, "write a whole number");
  return Number(word);
}

function size(word: string, option: string): number {
  try {
    return parseBytes(word);
  } catch (error) {
    const { fix } = asBangerError(error);
    throw new BangerError("BAD_USAGE", { what: `${option} cannot be "${word}"`, fix, cause: error });
  }
}

function choice(values: readonly string[], word: string, option: string): string {
  if (values.includes(word)) return word;
  throw new BangerError("BAD_REQUEST", {
    what: `${option} cannot be "${word}": ${choiceRefusal(values)}`,
    fix: "correct it and try again; the command's `--help` says what it takes",
  });
}
