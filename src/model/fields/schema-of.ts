import { z } from "zod";
import { publishedPortSchema } from "../published-port.ts";
import {
  type ChoiceField,
  type Field,
  type Fields,
  type FlagField,
  type KeptNames,
  type ListField,
  type NumberField,
  type OwnField,
  type OwnNames,
  type Rule,
  type TextField,
  choiceRefusal,
  descriptionOf,
} from "./field.ts";

/** The schema of what a field holds where it is given. */
export type BareSchema<F extends Field> = F extends ChoiceField
  ? z.ZodType<F["values"][number], F["values"][number]>
  : F extends NumberField
    ? z.ZodNumber
    : F extends FlagField
      ? z.ZodBoolean
      : F extends ListField
        ? z.ZodArray<typeof publishedPortSchema>
        : z.ZodString;

type WithAbsence<F extends Field, S extends z.ZodType> = F extends
  | FlagField
  | ListField
  | { readonly otherwise: string | number }
  ? z.ZodDefault<S>
  : F extends { readonly required: true }
    ? S
    : z.ZodOptional<S>;

type Shape<F extends Fields, O> = {
  -readonly [K in keyof F]: K extends keyof O ? O[K] : WithAbsence<F[K], BareSchema<F[K]>>;
};

/** What is held to be absent from a record stands in it as what it was without. */
type KeptShape<F extends Fields> = {
  -readonly [K in KeptNames<F> & keyof F]: F[K] extends ListField
    ? z.ZodDefault<z.ZodReadonly<BareSchema<F[K]>>>
    : F[K] extends FlagField
      ? z.ZodDefault<z.ZodBoolean>
      : z.ZodOptional<BareSchema<F[K]>>;
};

/**
 * The schemas of a request's fields, each with its description.
 *
 * @param own those of the fields of which the data says no more than what they are for.
 */
export function shapeOf<const F extends Fields, O extends Readonly<Record<OwnNames<F>, z.ZodType>>>(
  fields: F,
  own: O,
): Shape<F, O> {
  const given: Readonly<Record<string, z.ZodType>> = own;
  return Object.fromEntries(
    Object.entries<Field>(fields).map(([name, field]) => [
      name,
      (given[name] ?? orAbsent(field)).describe(descriptionOf(field)),
    ]),
  ) as Shape<F, O>;
}

/** The schemas of what stays with the object. Bounds hold for those who ask, and not for what has been kept. */
export function keptShapeOf<const F extends Fields>(fields: F): KeptShape<F> {
  const kept = Object.entries<Field>(fields).filter(([, field]) => field.kept === true);
  return Object.fromEntries(
    kept.map(([name, field]): [string, z.ZodType] => {
      if (field.kind === "list") return [name, bare(field).readonly().default([])];
      if (field.kind === "flag") return [name, z.boolean().default(false)];
      return [name, (isSize(field) ? z.number().int().positive() : bare(field)).optional()];
    }),
  ) as unknown as KeptShape<F>;
}

/** The schema of what a field holds where it is given. */
export function schemaOf<F extends Exclude<Field, OwnField>>(field: F): BareSchema<F> {
  return bare(field) as unknown as BareSchema<F>;
}

function orAbsent(field: Field): z.ZodType {
  const schema = bare(field);
  if (field.otherwise !== undefined) return schema.default(field.otherwise);
  if (field.kind === "flag") return schema.default(field.on === true);
  if (field.kind === "list") return schema.default([]);
  return field.required === true ? schema : schema.optional();
}

function isSize({ kind }: Field): boolean {
  return kind === "bytes" || kind === "rate";
}

function bare(field: Field): z.ZodType {
  switch (field.kind) {
    case "text":
      return ruled(bounded(field), field.rules ?? []);
    case "path":
      return z.string().startsWith("/", "must be an absolute path on the daemon's host").max(4096);
    case "number":
    case "bytes":
    case "rate":
    case "seconds":
      return z
        .number()
        .int()
        .min(field.min ?? 1, field.refusal)
        .max(field.max ?? Number.MAX_SAFE_INTEGER);
    case "choice":
      return z.enum(field.values, { error: choiceRefusal(field.values) });
    case "flag":
      return z.boolean();
    case "list":
      return z.array(publishedPortSchema).max(field.max);
    case "own":
      throw new Error("a field of its own kind has a schema of its own");
  }
}

function bounded({ min, max }: Pick<TextField, "min" | "max">): z.ZodString {
  const least = min === undefined ? z.string() : z.string().min(min);
  return max === undefined ? least : least.max(max);
}

/** A text by rules, each with the words that refuse what breaks it. */
export function ruled(schema: z.ZodString, rules: readonly Rule[]): z.ZodString {
  return rules.reduce((held, { pattern, refusal }) => held.regex(pattern, refusal), schema);
}
