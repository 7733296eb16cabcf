import type { Contract } from "../../api/contract.ts";
import type { EndpointName } from "../../api/endpoints.ts";
import type { Input } from "../../client/client.ts";

/**
 * Holds what options say against the contract, before a daemon is started for it. The schemas are loaded here and not
 * before: commands that take none of them start quicker without.
 *
 * @throws BangerError `BAD_REQUEST`, `NAME_INVALID`.
 */
export async function checkOptions<N extends EndpointName>(name: N, input: Input<N>): Promise<Input<N>> {
  const [{ contract }, { checkInput }] = await Promise.all([
    import("../../api/contract.ts"),
    import("../../api/check-input.ts"),
  ]);
  const table: Contract = contract;
  checkInput(table[name].input, input, "the command's `--help` says what it takes");
  return input;
}

/** An object without the fields that are undefined: what was not asked for is left to the daemon. */
export function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
