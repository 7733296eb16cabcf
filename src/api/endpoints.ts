/**
 * How a route talks:
 * - `call`: JSON in, JSON out.
 * - `operation`: JSON in; out come lines of JSON (NDJSON): any number of `{"progress": …}`, then one `{"result": …}` or
 *   `{"error": …}`. Closing the connection cancels it; a client that closes only its own half hears how that ended.
 * - `text`: JSON in, a stream of bytes out.
 * - `socket`: a WebSocket; see the route's own description.
 */
export type RouteKind = "call" | "operation" | "text" | "socket";

/** Where a route is found, without its schemas. */
export interface Endpoint {
  readonly kind: RouteKind;
  readonly method: "GET" | "POST" | "DELETE";
  /** `{field}` takes a field of the input; the rest travels in the query (GET, DELETE, sockets) or as a JSON body. */
  readonly path: `/v1/${string}`;
}

/**
 * The ways and paths of the contract, apart from its schemas: a client that trusts its daemon needs no more than this
 * at run time, and starts twice as fast for it.
 */
export const endpoints = {
  daemonStatus: { kind: "call", method: "GET", path: "/v1/daemon" },
  daemonStop: { kind: "call", method: "POST", path: "/v1/daemon/stop" },
  daemonRecover: { kind: "call", method: "POST", path: "/v1/daemon/recover" },
  systemOrphans: { kind: "call", method: "GET", path: "/v1/system/orphans" },
  systemOrphansDelete: { kind: "call", method: "POST", path: "/v1/system/orphans/delete" },
  doctor: { kind: "call", method: "GET", path: "/v1/doctor" },

  kernelList: { kind: "call", method: "GET", path: "/v1/kernels" },
  kernelInspect: { kind: "call", method: "GET", path: "/v1/kernels/{ref}" },
  kernelCatalogs: { kind: "call", method: "GET", path: "/v1/kernel-catalogs" },
  kernelPull: { kind: "operation", method: "POST", path: "/v1/kernels/pull" },
  kernelBuild: { kind: "operation", method: "POST", path: "/v1/kernels/build" },
  kernelImport: { kind: "operation", method: "POST", path: "/v1/kernels/import" },
  kernelDelete: { kind: "call", method: "DELETE", path: "/v1/kernels/{ref}" },

  imageList: { kind: "call", method: "GET", path: "/v1/images" },
  imageInspect: { kind: "call", method: "GET", path: "/v1/images/{ref}" },
  imagePull: { kind: "operation", method: "POST", path: "/v1/images/pull" },
  imagePush: { kind: "operation", method: "POST", path: "/v1/images/{ref}/push" },
  imageExport: { kind: "operation", method: "POST", path: "/v1/images/{ref}/export" },
  imageFiles: { kind: "text", method: "GET", path: "/v1/images/{ref}/files" },
  imageFile: { kind: "text", method: "GET", path: "/v1/images/{ref}/file" },
  imageBuild: { kind: "operation", method: "POST", path: "/v1/images/build" },
  imageBuildContainerfile: { kind: "operation", method: "POST", path: "/v1/images/build-containerfile" },
  imageRegister: { kind: "operation", method: "POST", path: "/v1/images/register" },
  imagePromote: { kind: "operation", method: "POST", path: "/v1/images/{ref}/promote" },
  imageRefresh: { kind: "operation", method: "POST", path: "/v1/images/{ref}/refresh" },
  imageDelete: { kind: "call", method: "DELETE", path: "/v1/images/{ref}" },

  vmList: { kind: "call", method: "GET", path: "/v1/vms" },
  vmInspect: { kind: "call", method: "GET", path: "/v1/vms/{ref}" },
  vmCreate: { kind: "operation", method: "POST", path: "/v1/vms" },
  vmStart: { kind: "operation", method: "POST", path: "/v1/vms/{ref}/start" },
  vmStop: { kind: "operation", method: "POST", path: "/v1/vms/{ref}/stop" },
  vmPause: { kind: "operation", method: "POST", path: "/v1/vms/{ref}/pause" },
  vmResume: { kind: "operation", method: "POST", path: "/v1/vms/{ref}/resume" },
  vmRebase: { kind: "operation", method: "POST", path: "/v1/vms/{ref}/rebase" },
  vmResize: { kind: "operation", method: "POST", path: "/v1/vms/{ref}/resize" },
  vmDelete: { kind: "operation", method: "DELETE", path: "/v1/vms/{ref}" },
  vmStats: { kind: "call", method: "GET", path: "/v1/vms/{ref}/stats" },
  vmSsh: { kind: "call", method: "GET", path: "/v1/vms/{ref}/ssh" },
  vmLogs: { kind: "text", method: "GET", path: "/v1/vms/{ref}/logs" },
  vmExec: { kind: "socket", method: "GET", path: "/v1/vms/{ref}/exec" },
  vmConsole: { kind: "socket", method: "GET", path: "/v1/vms/{ref}/console" },
  vmForward: { kind: "socket", method: "GET", path: "/v1/vms/{ref}/forward" },
} as const satisfies Readonly<Record<string, Endpoint>>;

export type EndpointName = keyof typeof endpoints;

/** The routes of one kind. */
export type EndpointOf<K extends RouteKind> = {
  [N in EndpointName]: (typeof endpoints)[N]["kind"] extends K ? N : never;
}[EndpointName];

/** Names of the input's fields that stand in the path. */
export function pathFields(path: string): readonly string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "");
}

/** Whether what is not in the path travels in the query. */
export function usesQuery(endpoint: Pick<Endpoint, "method" | "kind">): boolean {
  return endpoint.method !== "POST" || endpoint.kind === "socket";
}
