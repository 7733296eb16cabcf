import type { z } from "zod";
import type { Endpoint } from "./endpoints.ts";

/** An endpoint with what goes in and what comes out. */
export interface Route<Input extends z.ZodObject = z.ZodObject, Result extends z.ZodType = z.ZodType> extends Endpoint {
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
