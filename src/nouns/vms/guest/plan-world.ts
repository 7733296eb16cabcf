import type { Config } from "../../../model/config.ts";
import type { VmNetwork, VmSpec } from "../../../model/vm.ts";
import { localeOf, proxiesOf } from "../../../model/user-environment.ts";
import { proxiesSchema, type Proxies, type WorldWishes } from "../../../model/world.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a guest's authorities come from: what the host trusts and these files hold beyond it, or one file. */
export type AuthoritySource =
  | { readonly kind: "host"; readonly files: readonly string[] }
  | { readonly kind: "file"; readonly path: string };

/** What a VM is to be given, before the host has been looked at. */
export interface WorldPlan {
  readonly authorities?: AuthoritySource;
  readonly proxies?: Proxies;
  /** `host`, or a name. */
  readonly timeZone?: string;
  readonly locale?: string;
  /** What it is not given although it was asked for, and why. */
  readonly warnings: readonly string[];
}

/**
 * What a VM is to be given of its host's world: what was asked for it, else what the configuration says.
 *
 * @param env the daemon's own environment, for what the configuration leaves to it.
 */
export function planWorld(
  { world, allowHost }: Pick<VmSpec, "world" | "allowHost">,
  network: VmNetwork,
  config: Config["vm"],
  env: Environment,
): WorldPlan {
  const wishes: WorldWishes = world ?? {};
  const authorities = authoritySource(wishes, config.host_ca);
  const { proxies, warnings: ofProxies } = reachable(wishedProxies(wishes, config, env), network, allowHost);
  const timeZone = wishes.timeZone ?? config.time_zone ?? "none";
  const locale = wishes.locale ?? config.locale ?? "none";
  const lang = locale === "host" ? localeOf(env) : locale;
  return {
    ...(authorities !== undefined && { authorities }),
    ...(proxies !== undefined && { proxies }),
    ...(timeZone !== "none" && { timeZone }),
    ...(lang !== undefined && lang !== "none" && { locale: lang }),
    warnings: ofProxies,
  };
}

function authoritySource(wishes: WorldWishes, configured: Config["vm"]["host_ca"]): AuthoritySource | undefined {
  if (!(wishes.hostCa ?? (configured !== undefined && configured !== false))) return undefined;
  if (typeof configured === "string") return { kind: "file", path: configured };
  return { kind: "host", files: wishes.hostCaFiles ?? [] };
}

function wishedProxies({ hostProxy }: WorldWishes, config: Config["vm"], env: Environment): Proxies | undefined {
  if (hostProxy !== undefined) return hostProxy === false ? undefined : hostProxy;
  const { host_proxy: configured } = config;
  if (typeof configured === "string") return { http: configured, https: configured, noneFor: "" };
  const found = configured === true ? proxiesOf(env) : undefined;
  // The daemon's environment is nobody's input: what cannot be given is none.
  return found === undefined ? undefined : proxiesSchema.safeParse(found).data;
}

/** On the guest's own loopback nobody waits for it: the host's has another address there, for those who may reach it. */
function reachable(
  proxies: Proxies | undefined,
  network: VmNetwork,
  allowHost: boolean,
): { readonly proxies?: Proxies; readonly warnings: readonly string[] } {
  if (proxies === undefined || network.mode === "none") return { warnings: [] };
  const warnings: string[] = [];
  const translate = (scheme: string, url: string | undefined): string | undefined => {
    if (url === undefined || !isLoopback(new URL(url).hostname)) return url;
    if (allowHost) return url.replace(AUTHORITY, `$1${network.gateway}$3`);
    warnings.push(`the host's proxy for ${scheme} is on its loopback, which the guest may not reach: add --allow-host`);
    return undefined;
  };
  const [http, https] = [translate("http", proxies.http), translate("https", proxies.https)];
  if (http === undefined && https === undefined) return { warnings };
  const noneFor = [proxies.noneFor, "localhost", "127.0.0.1"].filter((hosts) => hosts !== "").join(",");
  return {
    proxies: { ...(http !== undefined && { http }), ...(https !== undefined && { https }), noneFor },
    warnings,
  };
}

/** Scheme and user, host, port and what follows. */
const AUTHORITY = /^([a-z0-9]+:\/\/(?:[^/@]*@)?)(\[[^\]]*\]|[^:/]*)(.*)$/;

function isLoopback(hostname: string): boolean {
  return /^(?:localhost|.*\.localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}
