import type { Input } from "../../client/client.ts";
import { VM_FIELDS } from "../../model/fields/vm-fields.ts";
import type { OptionSpecs, OptionValues } from "../command.ts";
import { badUsage } from "./bad-usage.ts";
import { given } from "./check-options.ts";
import { ENV_OPTIONS, readEnv } from "./env-options.ts";
import { inputOf, optionsOf } from "./option-of.ts";
import { ownOption } from "./own-option.ts";
import { OWN_WORLD_OPTIONS, worldInput } from "./world-options.ts";

const READY_OPTIONS = {
  ready: { ...ownOption({ kind: "text", value: "CHECK", help: VM_FIELDS.ready.help }), multiple: true },
} as const satisfies OptionSpecs;

const VOLUME_OPTIONS = {
  volume: { type: "string", multiple: true, value: "VOLUME", help: VM_FIELDS.volumes.help },
} as const satisfies OptionSpecs;

/** What a new VM can be given, by `vm create` and by `run`. */
export const VM_OPTIONS = optionsOf(VM_FIELDS, {
  env: ENV_OPTIONS,
  ready: READY_OPTIONS,
  volumes: VOLUME_OPTIONS,
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
    volumes: options.volume.length === 0 ? undefined : options.volume.map(volumeMount),
    ...worldInput(options, env),
  });
}

/** `NAME:/PATH`, `NAME:/PATH:ro`; what the parts must be the request's schema says. */
function volumeMount(text: string): NonNullable<Input<"vmCreate">["volumes"]>[number] {
  const [volume = "", path = "", mode, ...more] = text.split(":");
  if (!path.startsWith("/") || more.length > 0 || (mode !== undefined && mode !== "ro" && mode !== "rw")) {
    throw badUsage(`--volume cannot be ${JSON.stringify(text)}`, "write NAME:/PATH or NAME:/PATH:ro");
  }
  return { volume, path, readOnly: mode === "ro" };
}
