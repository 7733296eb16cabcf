import type { Input } from "../../client/client.ts";
import { VM_FIELDS } from "../../model/fields/vm-fields.ts";
import type { OptionSpecs, OptionValues } from "../command.ts";
import { given } from "./check-options.ts";
import { ENV_OPTIONS, readEnv } from "./env-options.ts";
import { inputOf, optionsOf } from "./option-of.ts";
import { ownOption } from "./own-option.ts";
import { VOLUME_OPTION } from "./volume-option.ts";
import { OWN_WORLD_OPTIONS, worldInput } from "./world-options.ts";

const READY_OPTIONS = {
  ready: { ...ownOption({ kind: "text", value: "CHECK", help: VM_FIELDS.ready.help }), multiple: true },
} as const satisfies OptionSpecs;

/** What a new VM can be given, by `vm create` and by `run`. */
export const VM_OPTIONS = optionsOf(VM_FIELDS, {
  env: ENV_OPTIONS,
  ready: READY_OPTIONS,
  volumes: { volume: VOLUME_OPTION },
  ...OWN_WORLD_OPTIONS,
});

/**
 * Makes a request out of the options.
 *
 * @throws BangerError `BAD_USAGE`, `FILE_UNREADABLE`.
 */
export async function vmInput(
  options: OptionValues<typeof VM_OPTIONS>,
  env: NodeJS.ProcessEnv,
): Promise<Input<"vmCreate">> {
  return given({
    ...inputOf(VM_FIELDS, options),
    // Whether there is a network at all is said either way.
    nat: options.nat,
    env: await readEnv(options.env, options["env-file"], env),
    ready: options.ready.length === 0 ? undefined : [...options.ready],
    volumes: options.volume.length === 0 ? undefined : [...options.volume],
    ...worldInput(options, env),
  });
}
