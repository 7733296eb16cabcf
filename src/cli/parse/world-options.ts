import { resolve } from "node:path";
import type { Input } from "../../client/client.ts";
import { AUTHORITY_VARIABLES, localeOf, proxiesOf } from "../../model/user-environment.ts";
import { WORLD_FIELDS } from "../../model/fields/world-fields.ts";
import type { OptionSpecs, OptionValues } from "../command.ts";
import { badUsage } from "./bad-usage.ts";
import { inputOf, optionsOf } from "./option-of.ts";

/** A decision may go either way, and what is not decided is left to the configuration. */
export const OWN_WORLD_OPTIONS = {
  hostCa: {
    "host-ca": { type: "boolean", help: WORLD_FIELDS.hostCa.help },
    "no-host-ca": { type: "boolean", help: "give it none, whatever the configuration says" },
  },
  hostProxy: {
    "host-proxy": { type: "boolean", help: WORLD_FIELDS.hostProxy.help },
    "no-host-proxy": { type: "boolean", help: "give it none, whatever the configuration says" },
  },
} as const satisfies Readonly<Record<string, OptionSpecs>>;

/** What a VM is given of its host's world. */
export const WORLD_OPTIONS = optionsOf(WORLD_FIELDS, OWN_WORLD_OPTIONS);

type WorldInput = Pick<Input<"vmCreate">, "hostCa" | "hostCaFiles" | "hostProxy" | "timeZone" | "locale">;

/**
 * The request's part about the host's world, of options and of this environment: the daemon's is another's.
 *
 * @throws BangerError `BAD_USAGE`.
 */
export function worldInput(
  options: OptionValues<typeof WORLD_OPTIONS>,
  env: NodeJS.ProcessEnv,
): { [K in keyof WorldInput]: WorldInput[K] | undefined } {
  const hostCa = decision("host-ca", options["host-ca"], options["no-host-ca"]);
  const hostProxy = decision("host-proxy", options["host-proxy"], options["no-host-proxy"]);
  const read = inputOf(WORLD_FIELDS, options);
  return {
    hostCa,
    hostCaFiles: hostCa === true ? authorityFiles(env) : undefined,
    hostProxy: hostProxy === true ? proxiesHere(env) : hostProxy,
    ...read,
    locale: read.locale === "host" ? localeHere(env) : read.locale,
  };
}

function decision(option: string, yes: boolean, no: boolean): boolean | undefined {
  if (yes && no) throw badUsage(`--${option} and --no-${option} contradict each other`, "give one of them");
  return yes ? true : no ? false : undefined;
}

function authorityFiles(env: NodeJS.ProcessEnv): string[] | undefined {
  const files = AUTHORITY_VARIABLES.map((name) => env[name] ?? "").filter((path) => path !== "");
  const absolute = [...new Set(files.map((path) => resolve(path)))];
  return absolute.length === 0 ? undefined : absolute;
}

function proxiesHere(env: NodeJS.ProcessEnv): WorldInput["hostProxy"] {
  const found = proxiesOf(env);
  if (found !== undefined) return found;
  throw badUsage("--host-proxy: this environment has no proxy", "set http_proxy or https_proxy, or leave it out");
}

function localeHere(env: NodeJS.ProcessEnv): string {
  const found = localeOf(env);
  if (found !== undefined) return found;
  throw badUsage("--locale host: this environment has no locale", "set LANG, or name one");
}
