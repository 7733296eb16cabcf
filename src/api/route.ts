import type { z } from "zod";

/**
 * How a route talks:
 * - `call`: JSON in, JSON out.
 * - `operation`: JSON in; out come lines of JSON (NDJSON): any number of `{"progress": …}`, then one `{"result": …}` or
 *   `{"error": …}`. The answer's field `banger-operation` names it. Closing the connection cancels it, unless the request's
 *   field `banger-detach: true` says otherwise; a client that closes only its own half hears how that ended.
 * - `events`: what happens, as it happens: server-sent events (HTML Standard, 9.2), whose ids are the events' numbers.
 * - `text`: JSON in, a stream of bytes out. One that ends before its time is cut off.
 * - `upload`: the input in path and query, a stream of bytes as the body, JSON out.
 * - `socket`: a WebSocket; see the route's own description.
 */
export type RouteKind = "call" | "operation" | "events" | "text" | "upload" | "socket";

/** Where a route is found, without its schemas. */
export interface Endpoint {
  readonly kind: RouteKind;
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** `{field}` takes a field of the input; the rest travels in the query (GET, PUT, DELETE, sockets) or as a JSON body. */
  readonly path: `/v1/${string}`;
}

export type Endpoints = Readonly<Record<string, Endpoint>>;

/** An endpoint with what goes in and what comes out. */
export interface Route<Input extends z.ZodObject = z.ZodObject, Result extends z.ZodType = z.ZodType> extends Endpoint {
  readonly summary: string;
  /** Of the bytes of `text` and `upload`; where it is absent they are text. */
  readonly media?: string;
  /** It is answered even by a daemon whose state or configuration cannot be used. */
  readonly always?: true;
  readonly input: Input;
  /** Of `events`: each of them. */
  readonly result: Result;
}

/** Routes by their names, which are the API's operation ids. */
export type Routes = Readonly<Record<string, Route>>;

export type RouteInput<R extends Route> = z.input<R["input"]>;
export type RouteParsedInput<R extends Route> = z.output<R["input"]>;
export type RouteResult<R extends Route> = z.output<R["result"]>;

/** Keeps the exact types of a route's kind and schemas while checking its shape. */
export function route<const K extends RouteKind, I extends z.ZodObject, R extends z.ZodType>(
  definition: Route<I, R> & { readonly kind: K },
): Route<I, R> & { readonly kind: K } {
  return definition;
}
