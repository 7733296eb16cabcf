import type { AskedPort, PublishedPort } from "../published-port.ts";

/**
 * One value of a request, as plain data. Its schema (schema-of.ts), its option on the command line (src/cli/parse/option-of.ts)
 * and what the API's reference says of it are made of this.
 */
interface Told {
  /** What the help of its option says. */
  readonly help: string;
  /** What the API's reference says; the same as the help where it is absent. */
  readonly says?: string;
  /** Its option, without dashes; the command line has none for it where this is absent. */
  readonly option?: string;
  readonly short?: string;
  /** What stands for its value in the help; each kind has a word of its own. */
  readonly value?: string;
  /** It must be given; a list or a flag that is not is empty, or false. */
  readonly required?: true;
  /** What is taken where nothing is given. */
  readonly otherwise?: string | number;
  /** It is part of the object's own record. */
  readonly kept?: true;
}

export interface Rule {
  readonly pattern: RegExp;
  /** What a value must be, in words that follow `--name cannot be "x": `. */
  readonly refusal: string;
}

interface Bounds {
  readonly min?: number;
  readonly max?: number;
  /** What is said of a value below the least. */
  readonly refusal?: string;
}

export interface TextField extends Told {
  readonly kind: "text";
  readonly min?: number;
  readonly max?: number;
  readonly rules?: readonly Rule[];
}

/** A file or folder of the daemon's host, by its absolute path. On the command line it may be relative. */
export interface PathField extends Told {
  readonly kind: "path";
}

/** Whole ones: a `number` of things, `bytes`, a `rate` in bytes a second, `seconds`. */
export interface NumberField extends Told, Bounds {
  readonly kind: "number" | "bytes" | "rate" | "seconds";
}

export interface ChoiceField extends Told {
  readonly kind: "choice";
  readonly values: readonly [string, ...string[]];
}

export interface FlagField extends Told {
  readonly kind: "flag";
  /** It holds unless its option is given, which says the opposite, as `--no-start` does; absent: it holds where it is given. */
  readonly on?: true;
}

/** A port of the host that leads to one of the guest: `[HOST:]PORT[:GUEST]` on the command line. */
export interface PortField {
  readonly kind: "port";
}

export interface ListField extends Told {
  readonly kind: "list";
  readonly of: PortField;
  readonly max: number;
}

/** What no kind fits: whoever makes the schema, or the options, gives them. */
export interface OwnField extends Told {
  readonly kind: "own";
}

export type Field = TextField | PathField | NumberField | ChoiceField | FlagField | ListField | OwnField;
export type Fields = Readonly<Record<string, Field>>;

/** What a field's value is in the request. */
export type ValueOf<F extends Field> = F extends ChoiceField
  ? F["values"][number]
  : F extends NumberField
    ? number
    : F extends FlagField
      ? boolean
      : F extends ListField
        ? AskedPort[]
        : F extends OwnField
          ? unknown
          : string;

/** What was asked for, with all that was left out still open, but for what `own` speaks for. */
export type Asked<F extends Fields> = {
  readonly [K in KeptNames<F> & keyof F as F[K] extends FlagField ? K : never]: boolean;
} & {
  readonly [K in KeptNames<F> & keyof F as F[K] extends ListField ? K : never]: readonly PublishedPort[];
} & {
  readonly [K in keyof F as F[K] extends OwnField | FlagField | ListField ? never : K]?: ValueOf<F[K]> | undefined;
};

/** The fields that `own` speaks for. */
export type OwnNames<F extends Fields> = { [K in keyof F]: F[K] extends OwnField ? K : never }[keyof F];

/** Those that stay with the object. */
export type KeptNames<F extends Fields> = { [K in keyof F]: F[K] extends { readonly kept: true } ? K : never }[keyof F];

const UNITS = { bytes: "in bytes", rate: "in bytes a second", seconds: "in seconds" } as const;

/** What the API's reference says of a field: one sentence, with its unit. */
export function descriptionOf(field: Field): string {
  const { kind, help, says = help } = field;
  const unit = kind === "bytes" || kind === "rate" || kind === "seconds" ? `, ${UNITS[kind]}` : "";
  return `${says.charAt(0).toUpperCase()}${says.slice(1)}${unit}`;
}

/** What a choice must be: `must be auto, agent or systemd`. */
export function choiceRefusal(values: readonly string[]): string {
  return `must be ${orList(values)}`;
}

/** `auto, agent or systemd` */
export function orList(values: readonly string[]): string {
  return [values.slice(0, -1).join(", "), ...values.slice(-1)].filter((words) => words !== "").join(" or ");
}

/** The values of the fields that stay with the object, as they were given: what was left out, and what is none, is no part of it. */
export function keptOf<F extends Fields, V extends { readonly [K in KeptNames<F>]?: unknown }>(
  fields: F,
  values: V,
): Given<Pick<V, KeptNames<F> & keyof V>> {
  const entries = Object.entries<unknown>(values).filter(
    ([name, value]) => value !== undefined && Object.hasOwn(fields, name) && fields[name]?.kept === true,
  );
  return Object.fromEntries(entries) as Given<Pick<V, KeptNames<F> & keyof V>>;
}

type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };
