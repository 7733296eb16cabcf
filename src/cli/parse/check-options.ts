import type { Contract } from "../../api/contract.ts";
import type { FieldNames } from "../../api/check-input.ts";
import type { EndpointName } from "../../api/endpoints.ts";
import type { Input } from "../../client/client.ts";
import { badUsage } from "./bad-usage.ts";

/**
 * Holds what options say against the contract, before a daemon is started for it. The schemas are loaded here and not
 * before: commands that take none of them start quicker without.
 *
 * @param names how fields are called on the command line.
 * @throws BangerError `BAD_REQUEST`, `NAME_INVALID`.
 */
export async function checkOptions<N extends EndpointName>(
  name: N,
  input: Input<N>,
  names: FieldNames,
): Promise<Input<N>> {
  const [{ contract }, { checkInput }] = await Promise.all([
    import("../../api/contract.ts"),
    import("../../api/check-input.ts"),
  ]);
  const table: Contract = contract;
  checkInput(table[name].input, input, names);
  return input;
}

/** A whole number as an option gives it; undefined where it was not given. */
export function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badUsage(`${option} cannot be "${text}"`, "write a whole number");
  return Number(text);
}

/** An object without the fields that are undefined: what was not asked for is left to the daemon. */
export function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
