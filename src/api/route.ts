import type { z } from "zod";

/**
 * How a route talks:
 * - `call`: JSON in, JSON out.
 * - `operation`: JSON in; out come lines of JSON (NDJSON): any number of `{"progress": …}`, then one `{"result": …}` or
 *   `{"error": …}`. Closing the connection cancels it.
 * - `text`: JSON in, a stream of bytes out.
 * - `socket`: a WebSocket; see the route's own description.
 */
export type RouteKind = "call" | "operation" | "text" | "socket";

export interface Route<Input extends z.ZodObject = z.ZodObject, Result extends z.ZodType = z.ZodType> {
  readonly kind: RouteKind;
  readonly method: "GET" | "POST" | "DELETE";
  /** `{field}` takes a field of the input; the rest travels in the query (GET, DELETE, sockets) or as a JSON body. */
  readonly path: `/v1/${string}`;
  readonly summary: string;
  readonly input: Input;
  readonly result: Result;
}

export type RouteInput<R extends Route> = z.input<R["input"]>;
export type RouteParsedInput<R extends Route> = z.output<R["input"]>;
export type RouteResult<R extends Route> = z.output<R["result"]>;

/** Keeps the exact types of a route's schemas while checking its shape. */
export function route<I extends z.ZodObject, R extends z.ZodType>(definition: Route<I, R>): Route<I, R> {
  return definition;
}

/** Names of the input's fields that stand in the path. */
export function pathFields(path: string): readonly string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "");
}

/** Whether what is not in the path travels in the query. */
export function usesQuery(definition: Pick<Route, "method" | "kind">): boolean {
  return definition.method !== "POST" || definition.kind === "socket";
}
