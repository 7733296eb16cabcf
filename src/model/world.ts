import { z } from "zod";
import { schemaOf, shapeOf } from "./fields/schema-of.ts";
import { WORLD_FIELDS } from "./fields/world-fields.ts";

const PROXY_WORDS = "a proxy must be a URL without quotes and blanks, http://[USER:PASSWORD@]HOST:PORT";

/** A URL that shells, apt and programs all take as it is. It may hold a password. */
export const proxyUrlSchema = z
  .string()
  .max(2048)
  .regex(/^(?:https?|socks[45][ah]?):\/\/[!#-&(-:<-[\]-~]+$/, PROXY_WORDS)
  .refine((url) => URL.canParse(url), PROXY_WORDS);

/** What programs find in http_proxy, https_proxy and no_proxy. */
export const proxiesSchema = z.strictObject({
  http: proxyUrlSchema.optional(),
  https: proxyUrlSchema.optional(),
  /** Hosts that are reached without. */
  noneFor: z
    .string()
    .max(4096)
    .regex(/^[!#-&(-:<-[\]-~ ]*$/, "must be a list of hosts with commas between them")
    .default(""),
});
export type Proxies = z.infer<typeof proxiesSchema>;

export const timeZoneSchema = schemaOf(WORLD_FIELDS.timeZone);
export const localeSchema = schemaOf(WORLD_FIELDS.locale);

/** The schemas of what world-fields.ts says no more of than what it is for. */
export const ownWorldSchemas = {
  hostCa: z.boolean().optional(),
  hostCaFiles: z.array(z.string().startsWith("/").max(4096)).max(16).optional(),
  hostProxy: z.union([z.literal(false), proxiesSchema], { error: PROXY_WORDS }).optional(),
};
export const worldSchema = z.strictObject(shapeOf(WORLD_FIELDS, ownWorldSchemas));
export type WorldWishes = z.infer<typeof worldSchema>;

/** The configuration's part: what VMs get that were not asked about. */
export const worldConfig = {
  /** `true`: what the host trusts; a path: the certificates in that file. */
  host_ca: z
    .union([z.boolean(), z.string().startsWith("/")], { error: "must be true, false or an absolute path" })
    .optional(),
  /** `true`: as in the environment that the daemon was started in; a URL: this one. */
  host_proxy: z.union([z.boolean(), proxyUrlSchema], { error: `${PROXY_WORDS}; or true, or false` }).optional(),
  time_zone: timeZoneSchema.optional(),
  locale: localeSchema.optional(),
};

/** What a guest is given at a start: all of it, in place of all that it was given before. */
export interface GuestWorld {
  /** In PEM, one each. */
  readonly certificates: readonly string[];
  readonly proxies?: Proxies;
  readonly timeZone?: { readonly name: string; readonly rule: string };
  readonly locale?: string;
}

/** The wishes that there are of these; undefined where there are none. */
export function wishesOf({ hostCa, hostCaFiles, hostProxy, timeZone, locale }: WorldWishes): WorldWishes | undefined {
  const wishes: WorldWishes = {
    ...(hostCa !== undefined && { hostCa }),
    ...(hostCaFiles !== undefined && { hostCaFiles }),
    ...(hostProxy !== undefined && { hostProxy }),
    ...(timeZone !== undefined && { timeZone }),
    ...(locale !== undefined && { locale }),
  };
  return Object.keys(wishes).length === 0 ? undefined : wishes;
}

/** The same as it may be shown: without what proves to a proxy who one is. */
export function withoutSecrets<S extends { readonly world?: WorldWishes | undefined }>(spec: S): S {
  const proxies = spec.world?.hostProxy;
  if (proxies === undefined || proxies === false) return spec;
  const { http, https, noneFor } = proxies;
  const hostProxy: Proxies = {
    ...(http !== undefined && { http: withoutUser(http) }),
    ...(https !== undefined && { https: withoutUser(https) }),
    noneFor,
  };
  return { ...spec, world: { ...spec.world, hostProxy } };
}

/** A URL with `***` where it names a user. */
export function withoutUser(url: string): string {
  const { protocol, username, password, host } = new URL(url);
  return `${protocol}//${username !== "" || password !== "" ? "***@" : ""}${host}`;
}
