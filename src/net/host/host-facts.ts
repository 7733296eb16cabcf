import { readFile } from "node:fs/promises";
import { z } from "zod";
import { run } from "../../lib/process.ts";
import { toolPath } from "../tool-path.ts";
import { pickResolvers, RESOLVER_FILES } from "./resolvers.ts";

/** Of ip(8)'s JSON, what is read here. */
const routeSchema = z.object({
  dst: z.string(),
  dev: z.string().optional(),
  metric: z.number().optional(),
  type: z.string().optional(),
});
const linkSchema = z.object({ ifname: z.string(), mtu: z.number(), ifalias: z.string().optional() });

export interface HostLink {
  readonly name: string;
  readonly mtu: number;
  readonly alias?: string;
}

/** What a plan for this host must know of it. */
export interface HostFacts {
  /** The interface that the default route leaves by. */
  readonly uplink?: HostLink;
  /** Where the other routes lead, as blocks of addresses, with the device. */
  readonly routes: readonly { readonly block: string; readonly device?: string }[];
  readonly links: readonly HostLink[];
  /** Name servers that guests can ask. */
  readonly resolvers: readonly string[];
}

/** @throws BangerError `TOOL_MISSING`, `TOOL_FAILED`. */
export async function lookAtHost(signal?: AbortSignal): Promise<HostFacts> {
  const [routes, links, resolvers] = await Promise.all([
    ipJson(["-4", "route", "show", "table", "all"], z.array(routeSchema), signal),
    hostLinks(signal),
    hostResolvers(),
  ]);
  const defaults = routes.filter(({ dst, type }) => dst === "default" && (type ?? "unicast") === "unicast");
  const [best] = defaults.toSorted((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
  const uplink = links.find(({ name }) => name === best?.dev);
  return {
    ...(uplink !== undefined && { uplink }),
    routes: routes
      .filter(({ dst }) => dst !== "default")
      .map(({ dst, dev }) => ({ block: dst, ...(dev !== undefined && { device: dev }) })),
    links,
    resolvers,
  };
}

export async function hostLinks(signal?: AbortSignal): Promise<readonly HostLink[]> {
  const links = await ipJson(["link", "show"], z.array(linkSchema), signal);
  return links.map(({ ifname, mtu, ifalias }) => ({
    name: ifname,
    mtu,
    ...(ifalias !== undefined && { alias: ifalias }),
  }));
}

async function hostResolvers(): Promise<readonly string[]> {
  return pickResolvers(await Promise.all(RESOLVER_FILES.map((path) => readFile(path, "utf8").catch(() => ""))));
}

async function ipJson<T>(args: readonly string[], schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> {
  const { stdout } = await run("ip", ["-json", ...args], {
    env: { PATH: toolPath() },
    ...(signal !== undefined && { signal }),
  });
  return schema.parse(JSON.parse(stdout === "" ? "[]" : stdout));
}
