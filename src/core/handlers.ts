import type { WebSocket } from "ws";
import type { Route, RouteParsedInput, RouteResult, Routes } from "../api/route.ts";
import type { BangerEvent } from "../model/event.ts";
import type { ProgressSink } from "../lib/progress.ts";

/** What a handler knows of a request besides its input. */
export interface Request {
  /** Aborts when the client has gone away, or the operation is cancelled. */
  readonly signal: AbortSignal;
  /** Who asks: `owner`, who alone can open the daemon's socket. */
  readonly caller: string;
}

/** What happens after an event, as it happens. */
export interface EventsAfter {
  /** The number of that event: a client that has heard of none yet comes back with it. */
  readonly after: number;
  readonly events: AsyncIterable<BangerEvent>;
}

/** A request for an operation. */
export interface OperationRequest extends Request {
  readonly progress: ProgressSink;
}

/** The function that answers one route, by the route's kind. */
export type Handler<R extends Route = Route> = R["kind"] extends "call"
  ? (input: RouteParsedInput<R>, request: Request) => Promise<RouteResult<R>> | RouteResult<R>
  : R["kind"] extends "operation"
    ? (input: RouteParsedInput<R>, request: OperationRequest) => Promise<RouteResult<R>>
    : R["kind"] extends "events"
      ? (input: RouteParsedInput<R>, request: Request) => EventsAfter
      : R["kind"] extends "text"
        ? (input: RouteParsedInput<R>, request: Request) => AsyncIterable<Uint8Array>
        : R["kind"] extends "upload"
          ? (input: RouteParsedInput<R>, body: AsyncIterable<Uint8Array>, request: Request) => Promise<RouteResult<R>>
          : (input: RouteParsedInput<R>, socket: WebSocket, request: Request) => Promise<void>;

/** One function a route; the compiler holds this table against the routes. */
export type Handlers<C extends Routes> = { readonly [N in keyof C]: Handler<C[N]> };
