import { resolve } from "node:path";
import type { Input } from "../../client/client.ts";
import { AUTHORITY_VARIABLES, localeOf, proxiesOf } from "../../model/user-environment.ts";
import type { OptionSpecs, OptionValues } from "../command.ts";
import { badUsage } from "./bad-usage.ts";

/** What a VM is given of its host's world. */
export const WORLD_OPTIONS = {
  "host-ca": { type: "boolean", help: "give it the authorities that this host trusts beyond its distribution's" },
  "no-host-ca": { type: "boolean", help: "give it none, whatever the configuration says" },
  "host-proxy": { type: "boolean", help: "give it the proxies of this environment (http_proxy and so on)" },
  "no-host-proxy": { type: "boolean", help: "give it none, whatever the configuration says" },
  "time-zone": { type: "string", value: "ZONE", help: "as in Europe/Berlin; host: this host's; none: the image's" },
  locale: { type: "string", value: "LANG", help: "as in de_DE.UTF-8; host: as it is here; none: the image's" },
} as const satisfies OptionSpecs;

export const WORLD_FIELDS = {
  hostCa: "--host-ca",
  hostCaFiles: "--host-ca",
  hostProxy: "--host-proxy",
  timeZone: "--time-zone",
  locale: "--locale",
} as const;

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
  return {
    hostCa,
    hostCaFiles: hostCa === true ? authorityFiles(env) : undefined,
    hostProxy: hostProxy === true ? proxiesHere(env) : hostProxy,
    timeZone: options["time-zone"],
    locale: options.locale === "host" ? localeHere(env) : options.locale,
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
