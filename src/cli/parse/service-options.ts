import type { Input } from "../../client/client.ts";
import { RESTART_POLICIES } from "../../model/fields/choices.ts";
import type { OptionSpecs } from "../command.ts";
import { badUsage } from "./bad-usage.ts";
import { ownOption } from "./own-option.ts";

export const RESTART_OPTIONS = {
  restart: {
    ...ownOption({
      kind: "choice",
      values: RESTART_POLICIES,
      value: "POLICY",
      help: "run it again when it ends: no, on-failure (as it is) or always",
    }),
    field: "service.restart",
  },
} as const satisfies OptionSpecs;

/** That a VM is to keep a command running, and how. */
export const SERVICE_OPTIONS = {
  service: { type: "boolean", help: "keep the image's own command running in it" },
  ...RESTART_OPTIONS,
} as const satisfies OptionSpecs;

type RestartPolicy = (typeof RESTART_POLICIES)[number];
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
  restart: RestartPolicy | undefined,
  option: string,
): Service {
  if (!asked) {
    if (restart !== undefined) throw badUsage(`--restart needs a command that is kept running`, `add ${option}`);
    const [word] = words;
    if (word === undefined) return undefined;
    throw badUsage(
      `"${word}" is no option`,
      `name the VM with --name ${word}; to keep a command running in it, add ${option} and write it after \`--\``,
    );
  }
  return { command: [...words], restart: restart ?? "on-failure" };
}
