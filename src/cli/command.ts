import type { Client } from "../client/client.ts";
import type { Layout } from "../model/layout.ts";
import type { Io } from "./io.ts";
import type { BangerError } from "../lib/errors.ts";

/** What a command works with. */
export interface Cli {
  /** Every command there is, for `help`. */
  readonly commands: readonly Command[];
  readonly io: Io;
  readonly layout: Layout;
  /** Starts the daemon when none answers. */
  readonly client: Client;
  /** The same without starting one. */
  readonly shyClient: Client;
  /** Whether `--json` was given. */
  readonly json: boolean;
  /** Whether the command is to begin its operation and leave: `--detach`. */
  readonly detach: boolean;
  /** Prints a line on stdout. What it tells may be an image's own word: its control characters are shown, not acted on. */
  print(line: string): void;
  /** Prints a value on stdout, as JSON for people and programs. */
  printJson(value: unknown): void;
  /** Tells people something beside the output: on stderr, and not with `--json`. */
  note(line: string): void;
  /** What was thrown, in the words of the command line: with options in place of the request's fields. */
  explain(error: unknown): BangerError;
}

export interface ArgumentSpec {
  readonly name: string;
  readonly help: string;
  /** The noun of which it names an object, as in `vm`: what a shell can complete it by. */
  readonly names?: string;
  /**
   * - `required` (as it is when absent) and `optional`: one word.
   * - `several`: one word or more.
   * - `passed-on`: the words between the argument before and `--`, options too, as they are, for another program.
   * - `rest`: all that is left, at least what stands after `--`.
   */
  readonly kind?: "required" | "optional" | "several" | "passed-on" | "rest";
}

interface OptionTold {
  readonly short?: string;
  readonly help: string;
  /** The field of the request that it says, or has a part in: errors name the field, and the command line its option. */
  readonly field?: string;
}

/** An option that is given or not. */
export interface FlagOption extends OptionTold {
  readonly type: "boolean";
}

/** An option that has a value, of a type: no command gets its word as it was typed. */
export interface ValueOption extends OptionTold {
  readonly type: "string";
  /** May be given several times. */
  readonly multiple?: true;
  /** What stands for its value in the help: `SIZE`. */
  readonly value?: string;
  /**
   * What its word is: a number, a size, a choice, a text. `option` is its name, with dashes.
   *
   * @throws BangerError `BAD_USAGE`, `BAD_REQUEST`.
   */
  readonly read: (word: string, option: string) => unknown;
}

export type OptionSpec = FlagOption | ValueOption;

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

export interface Example {
  /** As it is typed. Tests parse it. */
  readonly line: string;
  readonly does: string;
}

/**
 * A command as data.
 *
 * `run` prints to stdout what the user asked for and returns an exit status; nothing means 0. It throws BangerError.
 */
export interface Command<
  A extends readonly ArgumentSpec[] = readonly ArgumentSpec[],
  O extends OptionSpecs = OptionSpecs,
> {
  /** The words that call it: `["vm", "create"]`. */
  readonly name: readonly [string, ...string[]];
  /** A word that calls it as well, for what is typed often: `cp` for `vm cp`. */
  readonly short?: string;
  readonly summary: string;
  /** For programs, not for people: help does not list it. */
  readonly hidden?: true;
  /**
   * For commands whose output and exit status are those of a program in the guest: the status that stands for banger's
   * own failures, so that the two are never mixed up. 125 as with docker, 255 as with ssh.
   */
  readonly ownFailure?: 125 | 255;
  /** The operation that it runs, one of these: what has one can leave it behind with `--detach`. */
  readonly begins?: readonly string[];
  readonly arguments: A;
  readonly options: O;
  readonly examples: readonly [Example, ...Example[]];
  /** Options that may stand in the TOML file that its option `--file` names. */
  readonly inFile?: OptionSpecs;
  /** What the summary has no room for: a few sentences, which help breaks into lines. */
  readonly details?: string;
  run(cli: Cli, args: ArgumentValues<A>, options: OptionValues<O>): Promise<number | void>;
}

type ArgumentValue<Kind> = Kind extends "rest" | "passed-on" | "several"
  ? readonly string[]
  : Kind extends "optional"
    ? string | undefined
    : string;
type OptionValue<S extends OptionSpec> = S extends ValueOption
  ? S extends { readonly multiple: true }
    ? readonly ReturnType<S["read"]>[]
    : ReturnType<S["read"]> | undefined
  : boolean;

export type ArgumentValues<A extends readonly ArgumentSpec[]> = {
  readonly [S in A[number] as S["name"]]: ArgumentValue<S["kind"]>;
};
export type OptionValues<O extends OptionSpecs> = {
  readonly [N in keyof O]: OptionValue<O[N]>;
};

/** Keeps the exact types of a command's arguments and options, so that `run` gets them by name. */
export function command<const A extends readonly ArgumentSpec[], const O extends OptionSpecs>(
  definition: Command<A, O>,
): Command<A, O> {
  return definition;
}

/** What every command takes. */
const COMMON_OPTIONS = {
  json: { type: "boolean", help: "print JSON on stdout, and errors as JSON on stderr" },
  help: { type: "boolean", short: "h", help: "show this help" },
} as const satisfies OptionSpecs;

const DETACH_OPTION = {
  detach: {
    type: "boolean",
    short: "d",
    help: "print the id of the operation, and leave it to go on",
  },
} as const satisfies OptionSpecs;

/** What a guest prints is passed on as it is, so there only errors can be JSON. */
const JSON_OF_ERRORS = {
  json: { type: "boolean", help: "print banger's own errors as JSON on stderr" },
} as const satisfies OptionSpecs;

/** What a command takes besides its own options. */
export function commonOptions({ begins, ownFailure }: Command): OptionSpecs {
  return {
    ...(begins !== undefined && DETACH_OPTION),
    ...COMMON_OPTIONS,
    ...(ownFailure !== undefined && JSON_OF_ERRORS),
  };
}
