import {
  type ChoiceField,
  type FlagField,
  type NumberField,
  type PathField,
  type TextField,
  orList,
} from "../../model/fields/field.ts";
import { badUsage } from "./bad-usage.ts";
import { type OptionOf, optionOf } from "./option-of.ts";

type OwnOptionField = TextField | PathField | NumberField | ChoiceField | FlagField;

/**
 * An option that is the command line's alone: no request has a field for it, so what it may be is held here.
 *
 * @param field as requests have them; its `option` is left to where it stands. A text is taken as it is.
 * @throws BangerError `BAD_USAGE` from its `read`, for a word that it cannot be.
 */
export function ownOption<const F extends OwnOptionField>(field: F): OptionOf<F> {
  const spec = optionOf(field);
  if (spec.type === "boolean") return spec as OptionOf<F>;
  const read = (word: string, option: string): unknown => {
    if (isChoice(field)) return oneOf(field.values, word, option);
    const value = spec.read(word, option);
    if (typeof value === "number" && isNumber(field)) checkBounds(field, value, option);
    return value;
  };
  return { ...spec, read } as unknown as OptionOf<F>;
}

function isChoice(field: OwnOptionField): field is ChoiceField {
  return field.kind === "choice";
}

function isNumber(field: OwnOptionField): field is NumberField {
  return ["number", "bytes", "rate", "seconds"].includes(field.kind);
}

function oneOf(values: readonly string[], word: string, option: string): string {
  if (values.includes(word)) return word;
  throw badUsage(`${option} cannot be "${word}"`, `choose ${orList(values)}`);
}

/** The least is 1 where a field says none, as the contract has it. */
function checkBounds({ min = 1, max }: NumberField, value: number, option: string): void {
  if (value < min) throw badUsage(`${option} cannot be ${value}`, `write a whole number from ${min} on`);
  if (max !== undefined && value > max) throw badUsage(`${option} cannot be ${value}`, `write at most ${max}`);
}
