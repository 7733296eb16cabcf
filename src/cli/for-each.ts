import type { Cli } from "./command.ts";
import { printError } from "./output/error-text.ts";

/**
 * Does one thing to each of several objects, in their order, and prints how each came out. One that fails keeps no other
 * from it: its error is told at once, and the first such error gives the exit status. With --json: one object for one
 * name, an array for several.
 *
 * @throws BangerError what `act` throws, where there is but one name.
 */
export async function forEach<T>(
  cli: Cli,
  refs: readonly string[],
  act: (ref: string) => Promise<T>,
  say: (result: T, ref: string) => string,
): Promise<number> {
  const results: T[] = [];
  let status = 0;
  for (const ref of new Set(refs)) {
    try {
      const result = await act(ref);
      results.push(result);
      if (!cli.json) cli.print(say(result, ref));
    } catch (error) {
      if (refs.length === 1) throw error;
      const known = cli.explain(error);
      printError(known, cli.io, cli.json);
      status ||= known.exit;
      if (known.code === "CANCELLED") break;
    }
  }
  if (cli.json) cli.printJson(refs.length === 1 ? results[0] : results);
  return status;
}
