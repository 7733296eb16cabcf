import type { WebSocket } from "ws";
import type { RouteKind } from "../api/route.ts";
import type { EventsAfter, OperationRequest, Request } from "../core/handlers.ts";

type Input = Readonly<Record<string, unknown>>;

/** What each kind of route is answered by. Tables are checked where they are written; here each gets what its own schema let through. */
export interface HandlerOfKind {
  call(input: Input, request: Request): unknown;
  operation(input: Input, request: OperationRequest): Promise<unknown>;
  events(input: Input, request: Request): EventsAfter;
  text(input: Input, request: Request): AsyncIterable<Uint8Array>;
  upload(input: Input, body: AsyncIterable<Uint8Array>, request: Request): Promise<unknown>;
  socket(input: Input, socket: WebSocket, request: Request): Promise<void>;
}

/** Handlers of some routes. */
export type AnyHandlers = Readonly<Record<string, unknown>>;

/** @throws Error for a route without a handler: such a daemon is built wrong. */
export function handlerOf<K extends RouteKind>(handlers: AnyHandlers, name: string, _kind: K): HandlerOfKind[K] {
  const handler = handlers[name];
  if (typeof handler !== "function") throw new Error(`the route ${name} has no handler`);
  return handler as HandlerOfKind[K];
}
