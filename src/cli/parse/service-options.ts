import type { Input } from "../../client/client.ts";
import type { OptionSpecs } from "../command.ts";
import { badUsage } from "./bad-usage.ts";

export const RESTART_OPTIONS = {
  restart: { type: "string", value: "POLICY", help: "run it again when it ends: no, on-failure (as it is) or always" },
} as const satisfies OptionSpecs;

type Service = Input<"vmCreate">["service"];

/**
 * The command that a VM is to keep running: the image's own where no words are given.
 *
 * @param asked whether one is to be kept running at all.
 * @throws BangerError `BAD_USAGE` for words or a policy that nothing is to be done with.
 */
export function serviceInput(
  asked: boolean,
  words: readonly string[],
  restart: string | undefined,
  option: string,
): Service {
  if (!asked) {
    const idle = restart === undefined ? words[0] : "--restart";
    if (idle === undefined) return undefined;
    throw badUsage(`${idle} says something of a command that is to be kept running`, `add ${option}`);
  }
  // Held against the contract with everything else.
  return { command: [...words], restart: (restart ?? "on-failure") as NonNullable<Service>["restart"] };
}
