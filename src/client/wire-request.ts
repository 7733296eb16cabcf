import { BangerError } from "../lib/errors.ts";
import type { Endpoint } from "../api/route.ts";

/** A request as it goes over HTTP. */
export interface WireRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** JSON; absent where everything stands in the path. */
  readonly body?: string;
  /** Fields of its head beside those that every request has. */
  readonly fields?: Readonly<Record<string, string>>;
}

/**
 * Lays an input out over path, query and body as its endpoint says. Fields that are undefined are left out.
 *
 * @throws BangerError `BAD_REQUEST` for a field that no path can carry: empty, `.` or `..`.
 */
export function wireRequest(endpoint: Endpoint, input: Readonly<Record<string, unknown>>): WireRequest {
  const inPath = new Set<string>();
  const path = endpoint.path.replace(/\{(\w+)\}/g, (_, field: string) => {
    inPath.add(field);
    return pathSegment(field, input[field]);
  });
  const rest = Object.entries(input).filter(([field, value]) => !inPath.has(field) && value !== undefined);
  if (endpoint.method === "POST" && endpoint.kind !== "socket") {
    return { method: endpoint.method, path, body: JSON.stringify(Object.fromEntries(rest)) };
  }
  const query = new URLSearchParams(rest.map(([field, value]): [string, string] => [field, String(value)])).toString();
  return { method: endpoint.method, path: query === "" ? path : `${path}?${query}` };
}

function pathSegment(field: string, value: unknown): string {
  const text = typeof value === "string" ? value : "";
  // Encoding leaves dots as they are, and whoever parses a URL resolves them: `/v1/vms/../exec` would be another route.
  if (text === "" || text === "." || text === "..") {
    throw new BangerError("BAD_REQUEST", {
      what: `"${text}" is neither a name nor an id`,
      fix: "list what there is, and name one of those",
      data: { fields: [field] },
    });
  }
  return encodeURIComponent(text);
}
